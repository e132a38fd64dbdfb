import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cache } from "./cache.ts";

/** The contract of the port `Cache`, which every adapter keeps. */
export function cacheContract(
  name: string,
  open: (undo: AsyncDisposableStack) => Promise<Cache>,
): void {
  describe(`cache on ${name}`, () => {
    test("gives back what was set, until it is deleted", async () => {
      await using undo = new AsyncDisposableStack();
      const cache = await open(undo);
      const key = randomUUID();
      assert.equal(await cache.get(key), undefined);
      await cache.set(key, "first", 60_000);
      await cache.set(key, "zwei – 二", 60_000);
      assert.equal(await cache.get(key), "zwei – 二");
      await cache.delete(key);
      assert.equal(await cache.get(key), undefined);
    });

    test("forgets a value when its life is over", async () => {
      await using undo = new AsyncDisposableStack();
      const cache = await open(undo);
      const key = randomUUID();
      await cache.set(key, "brief", 30);
      assert.equal(await cache.get(key), "brief");
      await sleep(60);
      assert.equal(await cache.get(key), undefined);
    });

    test("says that it is up", async () => {
      await using undo = new AsyncDisposableStack();
      const cache = await open(undo);
      assert.equal(await cache.isUp(), true);
    });
  });
}
