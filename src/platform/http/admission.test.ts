import assert from "node:assert/strict";
import { test } from "node:test";
import { Admission } from "./admission.ts";

const [most, least] = [512, 32];
const never = new Promise<void>(() => {});
const admission = () => new Admission({ most, least, probe: () => never });

/** Waits of the same length, one after the other, for so long. */
function waits(
  subject: Admission,
  waitMs: number,
  { from = 0, forMs }: { from?: number; forMs: number },
) {
  let now = from;
  while (now < from + forMs) {
    subject.waited(now, now + waitMs);
    now += waitMs + 50;
  }
  return now;
}

test("admits the allowed number of requests and no more", () => {
  const subject = admission();
  assert.deepEqual([subject.admits(511), subject.admits(512)], [true, false]);
});

test("a few long waits refuse no request", () => {
  const subject = admission();
  subject.admits(400);
  subject.waited(0, 900);
  assert.ok(subject.admits(400));
  waits(subject, 10, { from: 950, forMs: 100 });
  waits(subject, 250, { from: 1_100, forMs: 600 });
  assert.ok(subject.admits(400));
});

test("admits fewer requests, but never none, while every wait of an interval is long", () => {
  const subject = admission();
  subject.admits(400);
  const later = waits(subject, 250, { forMs: 2_000 });
  assert.equal(subject.admits(300), false);
  waits(subject, 250, { from: later, forMs: 60_000 });
  assert.deepEqual([subject.admits(31), subject.admits(32)], [true, false]);
});

test("admits more requests step by step when waits are short again", () => {
  const subject = admission();
  subject.admits(400);
  let later = waits(subject, 250, { forMs: 3_000 });
  assert.equal(subject.admits(300), false);
  later = waits(subject, 5, { from: later, forMs: 60 });
  assert.equal(subject.admits(300), false);
  waits(subject, 5, { from: later, forMs: 3_000 });
  assert.ok(subject.admits(511));
});

test("does not take a failing probe for a queue", async () => {
  const subject = new Admission({ most, least, probe: () => Promise.reject(new Error("away")) });
  assert.ok(subject.admits(100));
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(subject.admits(511));
});
