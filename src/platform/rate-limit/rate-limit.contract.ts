import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { RateLimits } from "./rate-limit.ts";

/** The contract of the port `RateLimits`, which every adapter keeps. */
export function rateLimitsContract(
  name: string,
  open: (undo: AsyncDisposableStack) => Promise<RateLimits>,
): void {
  describe(`rate limits on ${name}`, () => {
    test("allows the limit within the window and no more, also to racing requests", async () => {
      await using undo = new AsyncDisposableStack();
      const { take } = (await open(undo))(randomUUID(), { points: 5, perS: 1 });
      const first = await take("a");
      assert.deepEqual([first.isAllowed, first.limit, first.remaining], [true, 5, 4]);
      const racing = await Promise.all(Array.from({ length: 20 }, () => take("a")));
      assert.equal(racing.filter(({ isAllowed }) => isAllowed).length, 4);
      const refused = await take("a");
      assert.deepEqual(refused, { isAllowed: false, limit: 5, remaining: 0, resetS: 1 });
      assert.ok((await take("b")).isAllowed, "another key is another count");
      await sleep(1_100);
      assert.ok((await take("a")).isAllowed);
    });

    test("allows new attempts at once after a success", async () => {
      await using undo = new AsyncDisposableStack();
      const { take, forgive } = (await open(undo))(randomUUID(), { points: 1, perS: 60 });
      await take("a");
      assert.ok(!(await take("a")).isAllowed);
      await forgive("a");
      assert.ok((await take("a")).isAllowed);
    });

    test("limits of other names count apart", async () => {
      await using undo = new AsyncDisposableStack();
      const limits = await open(undo);
      const [one, other] = [randomUUID(), randomUUID()];
      await limits(one, { points: 1, perS: 60 }).take("a");
      assert.ok((await limits(other, { points: 1, perS: 60 }).take("a")).isAllowed);
    });
  });
}
