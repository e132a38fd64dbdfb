import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { turns } from "./places.ts";

/** Work that goes on until it is let go. */
function works() {
  const begun: string[] = [];
  const open = new Map<string, () => void>();
  return {
    begun,
    work: (name: string) => async () => {
      begun.push(name);
      await new Promise<void>((resolve) => open.set(name, resolve));
      return name;
    },
    async end(name: string) {
      open.get(name)?.();
      await new Promise(setImmediate);
    },
  };
}

describe("turns", () => {
  test("are taken by all who wait, however much one of them asks for", async () => {
    const { within, isFull } = turns({ atOnce: 1, most: 8, mostOfOne: 4 });
    const { begun, work, end } = works();
    const all = ["a1", "a2", "a3", "b1", "c1", "b2"].map((name) =>
      within(name.slice(0, 1), work(name)),
    );
    await new Promise(setImmediate);
    for (const name of ["a1", "a2", "b1", "c1", "a3", "b2"]) {
      assert.equal(begun.at(-1), name);
      await end(name);
    }
    assert.deepEqual(await Promise.all(all), ["a1", "a2", "a3", "b1", "c1", "b2"]);
    assert.equal(isFull("a"), false);
  });

  test("are limited for all and for each, and go to nobody who has left", async () => {
    const { within, isFull } = turns({ atOnce: 1, most: 3, mostOfOne: 2 });
    const { begun, work, end } = works();
    const leaving = new AbortController();
    const first = within("a", work("a1"));
    const second = within("a", work("a2"), leaving.signal);
    assert.deepEqual([isFull("a"), isFull("b")], [true, false]);
    const third = within("b", work("b1"));
    assert.equal(isFull("c"), true);
    leaving.abort();
    assert.equal(await second, undefined);
    await end("a1");
    await end("b1");
    assert.deepEqual([await first, await third], ["a1", "b1"]);
    assert.deepEqual(begun, ["a1", "b1"]);
    const gone = await within("c", work("c1"), AbortSignal.abort());
    assert.equal(gone, undefined);
    assert.equal(isFull("c"), false);
  });

  test("go on after work that has failed", async () => {
    const { within } = turns({ atOnce: 1, most: 3, mostOfOne: 2 });
    const failing = within("a", async () => {
      throw new Error("it failed");
    });
    const next = within("b", async () => "done");
    await assert.rejects(failing, /it failed/);
    assert.equal(await next, "done");
  });
});
