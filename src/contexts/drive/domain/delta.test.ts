import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { expect } from "#kernel/result.ts";
import { chunkBytes } from "./chunking.ts";
import type { ChunkRef, Manifest, Sha256 } from "./content.ts";
import { deltaOf, isCopied, manifestOf } from "./delta.ts";

const chunk = (n: number): ChunkRef => ({
  hash: n.toString(16).padStart(64, "0") as Sha256,
  size: chunkBytes.least + n,
});
const manifests = fc.array(fc.nat({ max: 12 }).map(chunk), { maxLength: 30 });

test("a content that is told by another one is the same again", () => {
  fc.assert(
    fc.property(manifests, manifests, (manifest, base) => {
      assert.deepEqual(expect(manifestOf(deltaOf(manifest, base), base)), manifest);
    }),
  );
});

test("names no chunk that the other content has, and tells what follows each other as one part", () => {
  fc.assert(
    fc.property(manifests, manifests, (manifest, base) => {
      const known = new Set(base.map(({ hash }) => hash));
      for (const part of deltaOf(manifest, base))
        assert.ok(isCopied(part) || !known.has(part.hash));
      const same = deltaOf(base, base);
      // A chunk that comes twice is copied from its first place, and goes on from there.
      if (known.size === base.length) assert.ok(same.length <= 1);
    }),
  );
});

test("tells an edit in the midst of a long file by three parts", () => {
  const long: Manifest = Array.from({ length: 1_000 }, (_, i) => chunk(i));
  const edited = long.with(500, chunk(2_000));
  const parts = deltaOf(edited, long);
  assert.deepEqual(parts.map(isCopied), [true, false, true]);
});
