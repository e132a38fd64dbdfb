import assert from "node:assert/strict";
import { deflateRawSync } from "node:zlib";
import { describe, test } from "node:test";
import { sniff } from "./sniffed-types.ts";

const hex = (text: string) => Buffer.from(text, "hex");
const text = (words: string) => Buffer.from(words);

/** A ZIP entry that becomes very much longer than it is, under the name that tells documents of Word. */
function bomb(): Buffer {
  const packed = deflateRawSync(Buffer.alloc(256 * 2 ** 20, "<"));
  const name = text("[Content_Types].xml");
  const head = Buffer.alloc(30);
  head.writeUInt32LE(0x04_03_4b_50, 0);
  head.writeUInt16LE(8, 8);
  head.writeUInt32LE(packed.length, 18);
  head.writeUInt32LE(256 * 2 ** 20, 22);
  head.writeUInt16LE(name.length, 26);
  return Buffer.concat([head, name, packed]);
}

describe("the sniffing of media types", () => {
  const cases: readonly (readonly [string, Uint8Array | undefined, string])[] = [
    ["nothing", undefined, "application/octet-stream"],
    ["a PNG", hex("89504e470d0a1a0a0000000d4948445200000001"), "image/png"],
    ["a JPEG", hex("ffd8ffe000104a46494600010100000100010000"), "image/jpeg"],
    ["a PDF", text("%PDF-1.7\n"), "application/pdf"],
    ["a ZIP archive", hex("504b030414000000000000000000000000000000"), "application/zip"],
    ["XML", text('<?xml version="1.0"?><svg/>'), "application/xml"],
    ["a page", text("<!doctype html><script>alert(1)</script>"), "text/plain"],
    ["a program", text("#!/bin/sh\nrm -rf /\n"), "text/plain"],
    ["text with a mark of its order", hex("efbbbf47"), "text/plain"],
    ["text that ends within a character", text("ü".repeat(3_000)).subarray(0, 4_095), "text/plain"],
    ["text of another encoding", hex("47fcdf65"), "application/octet-stream"],
    ["zeros", Buffer.alloc(5_000), "application/octet-stream"],
    ["a signature that is cut", hex("8950"), "application/octet-stream"],
  ];
  for (const [what, bytes, expected] of cases)
    test(`takes ${what} for ${expected}`, async () => {
      assert.equal(await sniff(bytes), expected);
    });

  test("unpacks no more of a hostile archive than its beginning", async () => {
    const hostile = bomb();
    const before = process.memoryUsage().arrayBuffers;
    assert.match(await sniff(hostile), /^application\//);
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < 32 * 2 ** 20, `${grown} bytes`);
  });

  test("keeps nothing of bytes that are overwritten meanwhile", async () => {
    const bytes = Buffer.concat([text("%PDF-1.7\n"), Buffer.alloc(64)]);
    const found = sniff(bytes);
    bytes.fill(0);
    assert.equal(await found, "application/pdf");
  });
});
