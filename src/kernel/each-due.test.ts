import assert from "node:assert/strict";
import { test } from "node:test";
import { eachDue } from "./each-due.ts";
import { err, ok } from "./result.ts";

/** Numbers that are due until `act` is done with them. */
function given(
  count: number,
  act: (one: number) => ReturnType<typeof ok> | ReturnType<typeof err>,
) {
  const due = new Set(Array.from({ length: count }, (_, i) => i));
  const attempts: number[] = [];
  const run = (stopping?: { readonly aborted: boolean }) =>
    eachDue({
      find: async (limit) => [...due].slice(0, limit),
      keyOf: String,
      async act(one) {
        attempts.push(one);
        const outcome = act(one);
        if (outcome.ok) due.delete(one);
        return outcome;
      },
      ...(stopping ? { stopping } : {}),
    });
  return { due, attempts, run };
}

test("those behind any number of failing and refused ones have their turn, and each has one", async () => {
  const { due, attempts, run } = given(1_000, (one) => {
    if (one < 250) throw new Error(`no ${one}`);
    return one < 500 ? err("refused") : ok(undefined);
  });
  const { done, failures } = await run();
  assert.deepEqual([done, failures.length, due.size], [500, 250, 500]);
  assert.equal(attempts.length, new Set(attempts).size);
  assert.equal((await run()).done, 0);
});

test("one that is done and due still has no second attempt", async () => {
  const attempts: string[] = [];
  const { done } = await eachDue({
    find: async () => ["a", "b"],
    keyOf: String,
    act: async (one) => ok(attempts.push(one)),
  });
  assert.deepEqual([done, attempts], [2, ["a", "b"]]);
});

test("it ends after the step in which the process stops", async () => {
  const stopping = { aborted: false };
  const { run } = given(10, (one) => {
    if (one === 3) stopping.aborted = true;
    return ok(undefined);
  });
  assert.equal((await run(stopping)).done, 4);
});
