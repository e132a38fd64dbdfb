import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { chunkBytes, cutAfter } from "./chunking.ts";

/** Bytes without a pattern, the same for the same seed. */
function noise(length: number, seed = "basalt"): Uint8Array {
  const blocks: Buffer[] = [];
  for (let i = 0; i * 32 < length; i += 1)
    blocks.push(createHash("sha256").update(`${seed} ${i}`).digest());
  return Buffer.concat(blocks).subarray(0, length);
}

function cut(bytes: Uint8Array): readonly Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = cutAfter(bytes, at, true);
    assert.ok(end !== undefined && end > at);
    chunks.push(bytes.subarray(at, end));
    at = end;
  }
  return chunks;
}
const names = (bytes: Uint8Array) =>
  cut(bytes).map((chunk) => createHash("sha256").update(chunk).digest("hex"));

const mebibyte = 2 ** 20;

describe("content-defined chunking", () => {
  test("cuts bytes into chunks within the limits, and loses none", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: mebibyte }), fc.string(), (length, seed) => {
        const bytes = noise(length, seed);
        const chunks = cut(bytes);
        assert.deepEqual(Buffer.concat(chunks), Buffer.from(bytes));
        assert.ok(chunks.every((chunk) => chunk.length <= chunkBytes.most));
        assert.ok(chunks.slice(0, -1).every((chunk) => chunk.length > chunkBytes.least));
      }),
      { numRuns: 20 },
    );
  });

  test("cuts chunks of about the usual size", () => {
    const chunks = cut(noise(16 * mebibyte));
    const mean = (16 * mebibyte) / chunks.length;
    assert.ok(mean > 48 * 1024 && mean < 96 * 1024, `the mean is ${mean}`);
  });

  test("changes only the chunks around an edit", () => {
    const bytes = noise(8 * mebibyte);
    const edited = Uint8Array.from(bytes);
    const middle = 4 * mebibyte;
    edited[middle] = ((edited[middle] ?? 0) + 1) % 256;
    const inserted = Buffer.concat([
      bytes.subarray(0, middle),
      noise(1_024, "more"),
      bytes.subarray(middle),
    ]);
    const known = new Set(names(bytes));
    for (const changed of [edited, inserted]) {
      const fresh = names(changed).filter((name) => !known.has(name));
      assert.ok(fresh.length >= 1 && fresh.length <= 3, `${fresh.length} chunks are new`);
    }
  });

  test("cuts equal bytes at the largest size", () => {
    const chunks = cut(new Uint8Array(mebibyte));
    assert.deepEqual(
      chunks.map(({ length }) => length),
      [chunkBytes.most, chunkBytes.most, chunkBytes.most, chunkBytes.most],
    );
  });

  test("waits for the bytes that a cut depends on", () => {
    const bytes = noise(chunkBytes.most);
    const end = cutAfter(bytes, 0, false);
    assert.ok(end !== undefined);
    assert.equal(cutAfter(bytes.subarray(0, end - 1), 0, false), undefined);
    assert.equal(cutAfter(bytes.subarray(0, end), 0, false), end);
  });

  test("never moves a cut between releases", () => {
    const sizes = cut(noise(mebibyte)).map(({ length }) => length);
    const known = [87_897, 57_183, 83_075, 66_657, 73_986, 79_803, 88_376, 69_701];
    const more = [80_770, 24_114, 69_738, 75_328, 66_924, 70_253, 32_801, 21_970];
    assert.deepEqual(sizes, [...known, ...more]);
  });
});
