import assert from "node:assert/strict";
import { test } from "node:test";
import { HeldSlots } from "./held-slots.ts";
import type { Held } from "./subscription-store.ts";

const held = (slot: number, more: Partial<Held> = {}): Held => ({
  slot,
  token: 1,
  commits: 0,
  position: 10,
  ...more,
});

function given(...rows: readonly Held[]): HeldSlots {
  const slots = new HeldSlots();
  slots.take(rows);
  return slots;
}

test("a slot has gone and come where its holder, its commits or its position are others", () => {
  const slots = given(held(1), held(2), held(3), held(4));
  const rows = [held(1), held(2, { token: 2 }), held(3, { commits: 1 }), held(5)];
  const { came, gone } = slots.compare(rows);
  assert.deepEqual(gone, [2, 3, 4]);
  assert.deepEqual(came, rows.slice(1));
});

test("the last slots are given back, so many, and the others stay", () => {
  const slots = given(held(3), held(1), held(2));
  slots.leave(2);
  assert.deepEqual(slots.leaving(), [3, 2]);
  assert.deepEqual(
    slots.staying().map(({ slot }) => slot),
    [1],
  );
  slots.leave(-1);
  assert.deepEqual(slots.leaving(), []);
});

test("events are read for the slots that stand furthest back, up to where the next ones stand", () => {
  const slots = given(held(1, { position: 20 }), held(2), held(3), held(4, { position: 15 }));
  assert.deepEqual(slots.front(), { slots: [2, 3], after: 10, next: 15 });
  slots.advance([2, 3], 15);
  assert.deepEqual(slots.front(), { slots: [2, 3, 4], after: 15, next: 20 });
  slots.leave(3);
  assert.deepEqual(slots.front(), { slots: [1], after: 20, next: Infinity });
  slots.leave(4);
  assert.equal(slots.front(), undefined);
});

test("what was committed counts, and never goes back", () => {
  const slots = given(held(1), held(2));
  slots.advance([1], 30);
  assert.deepEqual(slots.unkept(), [{ held: held(1), to: 30 }]);
  slots.committed(slots.moves([1, 2, 9], 20));
  assert.deepEqual(slots.all(), [
    held(1, { commits: 1, position: 30 }),
    held(2, { commits: 1, position: 20 }),
  ]);
  assert.deepEqual(slots.unkept(), []);
  slots.drop([1]);
  assert.deepEqual([slots.size, slots.tokenOf(1), slots.tenureOf(2)], [1, undefined, 1]);
});
