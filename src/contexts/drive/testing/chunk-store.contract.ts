import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { ChunkLost, type ChunkStore, type Location } from "../application/ports/chunks.ts";

/** Chunks are kept alike by every adapter. */
export function chunkStoreContract(
  name: string,
  open: () => Promise<AsyncDisposable & { readonly store: ChunkStore }>,
): void {
  describe(`chunks on ${name}`, () => {
    test("reads every chunk again when many are put at once", async () => {
      await using opened = await open();
      const { store } = opened;
      const all = Array.from({ length: 40 }, (_, i) => [
        randomBytes(1 + i * 997),
        randomBytes(1 + i),
      ]);
      const kept = await Promise.all(
        all.map(async (chunks) => {
          const locations = await store.put(chunks);
          await store.flush(locations);
          return locations;
        }),
      );
      for (const [i, chunks] of all.entries())
        for (const [j, bytes] of chunks.entries()) {
          const location = kept[i]?.[j];
          assert.ok(location);
          assert.ok(bytes.equals(await store.read(location)));
        }
    });

    test("accepts an empty list of chunks", async () => {
      await using opened = await open();
      assert.deepEqual(await opened.store.put([]), []);
      await opened.store.flush([]);
    });

    test("refuses to read a missing or incomplete chunk", async () => {
      await using opened = await open();
      const { store } = opened;
      const [location] = await store.put([randomBytes(100)]);
      await assert.rejects(store.read({ ...(location as Location), size: 101 }), ChunkLost);
      const none = { segment: "segment_none", offset: 0, size: 1 };
      await assert.rejects(store.read(none), ChunkLost);
    });
  });
}
