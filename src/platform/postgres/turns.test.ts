import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Unavailable } from "../unavailable.ts";
import { NamedTurns, Turns } from "./turns.ts";

const longMs = 60_000;

test("turns admit a fixed number and queue the others in order of arrival", async () => {
  const turns = new Turns(2);
  const entered: number[] = [];
  const leave: (() => void)[] = [];
  const all = [0, 1, 2, 3].map(async (i) => {
    leave[i] = await turns.enter(longMs);
    entered.push(i);
  });
  await turn();
  assert.deepEqual([entered, turns.waiting], [[0, 1], 2]);
  leave[1]?.();
  await turn();
  assert.deepEqual([entered, turns.waiting], [[0, 1, 2], 1]);
  leave[0]?.();
  await Promise.all(all);
  leave[2]?.();
  leave[3]?.();
  assert.ok(turns.isIdle);
});

test("refuses a caller that waits too long and frees its place in the queue", async () => {
  const turns = new Turns(1);
  const leave = await turns.enter(longMs);
  await assert.rejects(turns.enter(10), Unavailable);
  assert.equal(turns.waiting, 0);
  leave();
  (await turns.enter(10))();
  assert.ok(turns.isIdle);
});

test("a turn waits for its own names only", async () => {
  const turns = new NamedTurns();
  const most = [await turns.enter(["a"], longMs), await turns.enter(["a"], longMs)];
  const leaveB = await turns.enter(["b"], longMs);
  await assert.rejects(turns.enter(["a", "b"], 10), Unavailable);
  for (const leave of most) leave();
  const leaveBoth = await turns.enter(["a", "b"], longMs);
  leaveB();
  leaveBoth();
});
