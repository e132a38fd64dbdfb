import assert from "node:assert/strict";
import { test } from "node:test";
import { Admission } from "./admission.ts";

const [most, least] = [512, 32];
const never = new Promise<void>(() => {});
const admission = () => new Admission({ most, least, probe: () => never });

/** Waits of the same length, one after the other, for so long. */
function waits(
  of: Admission,
  waitMs: number,
  { from = 0, forMs }: { from?: number; forMs: number },
) {
  let now = from;
  while (now < from + forMs) {
    of.waited(now, now + waitMs);
    now += waitMs + 50;
  }
  return now;
}

test("as many requests are taken as are allowed, and no more", () => {
  const of = admission();
  assert.deepEqual([of.admits(511), of.admits(512)], [true, false]);
});

test("one wait that is long, or several in a row, refuse nobody", () => {
  const of = admission();
  of.admits(400);
  of.waited(0, 900);
  assert.ok(of.admits(400));
  waits(of, 10, { from: 950, forMs: 100 });
  waits(of, 250, { from: 1_100, forMs: 600 });
  assert.ok(of.admits(400));
});

test("while every wait is long for a whole interval, fewer are taken, and never none", () => {
  const of = admission();
  of.admits(400);
  const later = waits(of, 250, { forMs: 2_000 });
  assert.equal(of.admits(300), false);
  waits(of, 250, { from: later, forMs: 60_000 });
  assert.deepEqual([of.admits(31), of.admits(32)], [true, false]);
});

test("when waits are short again, more are taken step by step, up to what is allowed", () => {
  const of = admission();
  of.admits(400);
  let later = waits(of, 250, { forMs: 3_000 });
  assert.equal(of.admits(300), false);
  later = waits(of, 5, { from: later, forMs: 60 });
  assert.equal(of.admits(300), false);
  waits(of, 5, { from: later, forMs: 3_000 });
  assert.ok(of.admits(511));
});

test("something that is broken is no queue", async () => {
  const of = new Admission({ most, least, probe: () => Promise.reject(new Error("away")) });
  assert.ok(of.admits(100));
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(of.admits(511));
});
