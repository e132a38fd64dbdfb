import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { partsOf, type Manifest, type Sha256 } from "./content.ts";

test("splits a range into the parts of its chunks, in order", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 12 });
  fc.assert(
    fc.property(sizes, fc.nat(60), fc.nat(60), (some, a, b) => {
      let byte = 0;
      const chunks = some.map((size) => Array.from({ length: size }, () => (byte += 1)));
      const manifest: Manifest = some.map((size, i) => ({ hash: `${i}` as Sha256, size }));
      const range = { from: Math.min(a, b), until: Math.max(a, b) };
      const read = partsOf(manifest, range).flatMap(
        ({ hash, from, until }) => chunks[Number(hash)]?.slice(from, until) ?? [],
      );
      assert.deepEqual(read, chunks.flat().slice(range.from, range.until));
    }),
  );
});
