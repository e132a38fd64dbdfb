import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { systemTimers as timers } from "../system.ts";
import { every } from "./every.ts";

const log = pino({ level: "silent" });

test("a task is done again and again, never twice at once, though it fails", async () => {
  const seen = { done: 0, atOnce: 0, most: 0 };
  {
    await using _running = every({
      name: "test",
      everyMs: 1,
      log,
      timers,
      async work() {
        seen.atOnce += 1;
        seen.most = Math.max(seen.most, seen.atOnce);
        await sleep(5);
        seen.atOnce -= 1;
        seen.done += 1;
        if (seen.done === 1) throw new Error("once");
      },
    });
    while (seen.done < 3) await sleep(5);
  }
  const { done } = seen;
  assert.deepEqual([seen.most, seen.atOnce], [1, 0], "the end waits for the last one");
  await sleep(20);
  assert.equal(seen.done, done);
});

test("a task that is asked for now is done at once, and once for all who ask meanwhile", async () => {
  let done = 0;
  const work = async () => void (done += 1);
  await using task = every({ name: "test", everyMs: 60_000, log, timers, work });

  await Promise.all([task.now(), task.now()]);
  assert.equal(done, 1);
  await task.now();
  assert.equal(done, 2);
});
