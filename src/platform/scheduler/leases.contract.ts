import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Leases } from "./leases.ts";

const long = 60_000;

/** The contract of the port `Leases`, which every adapter keeps. */
export function leasesContract(
  adapter: string,
  open: () => Promise<AsyncDisposable & { readonly leases: Leases }>,
): void {
  describe(`leases on ${adapter}`, () => {
    test("a lease is held by one process until it is released", async () => {
      await using subject = await open();
      const { leases } = subject;

      assert.deepEqual(await leases.take(["a", "b"], "one", long), new Set(["a", "b"]));
      assert.deepEqual(await leases.take(["a", "b", "c"], "two", long), new Set(["c"]));
      assert.deepEqual(await leases.take(["a", "b"], "one", long), new Set(["a", "b"]));
      await leases.release("one");
      assert.deepEqual(await leases.take(["a", "b", "c"], "two", long), new Set(["a", "b", "c"]));
    });

    test("a lease that is not renewed goes to the next process that asks", async () => {
      await using subject = await open();
      const { leases } = subject;

      await leases.take(["a"], "one", 20);
      await sleep(50);

      assert.deepEqual(await leases.take(["a"], "two", long), new Set(["a"]));
      assert.deepEqual(await leases.take(["a"], "one", 20), new Set());
    });

    test("of many processes that ask at once, one gets a lease", async () => {
      await using subject = await open();
      const processes = Array.from({ length: 20 }, (_, i) => `process ${i}`);

      const held = await Promise.all(
        processes.map((process) => subject.leases.take(["a", "b"], process, long)),
      );

      assert.equal(held.filter((names) => names.has("a")).length, 1);
      assert.equal(held.filter((names) => names.has("b")).length, 1);
    });
  });
}
