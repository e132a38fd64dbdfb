import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { shedding } from "./shedding.ts";

/** Lets the event loop stand still. */
function work(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

test("requests over the number that is allowed are too much", () => {
  const isTooMuch = shedding(100);
  assert.equal(isTooMuch(99), false);
  assert.equal(isTooMuch(100), true);
});

test("in a turn of the event loop that takes too long, many requests are too much", async () => {
  const isTooMuch = shedding(100);
  assert.equal(isTooMuch(50), false);
  work(30);
  assert.equal(isTooMuch(50), true);
  assert.equal(isTooMuch(5), false, "few are taken all the same");
  await nextTurn();
  assert.equal(isTooMuch(50), false, "the next turn begins anew");
});
