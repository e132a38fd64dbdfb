import assert from "node:assert/strict";
import { test } from "node:test";
import { unevenness, type Window } from "./windows.ts";

const mebibyte = 2 ** 20;
type Change = Partial<{ ms: number; heap: number; resident: number; files: number; lag: number }>;

/** Twelve quiet windows; `change` says what the `n`th is like. */
const windowsOf = (change: (n: number) => Change): readonly Window[] =>
  Array.from({ length: 12 }, (_, n) => {
    const { ms = 5, heap = 80, resident = 200, files = 40, lag = 0 } = change(n);
    return {
      n,
      disturbance: undefined,
      tally: {
        latenciesMs: Array.from({ length: 100 }, (__, i) => ms + i / 100),
        failed: 0,
        refused: 0,
      },
      measured: {
        heapBytes: heap * mebibyte,
        residentBytes: resident * mebibyte,
        files,
        lag,
      },
    };
  });
const found = (change: (n: number) => Change) => unevenness(windowsOf(change), 2);

test("a constant series is flat, whatever its first windows are", () => {
  assert.deepEqual(
    found(() => ({})),
    [],
  );
  assert.deepEqual(
    found((n) => (n < 2 ? { ms: 1, heap: 20, resident: 50, files: 9 } : {})),
    [],
  );
  assert.deepEqual(
    found((n) => (n === 7 ? { ms: 50, heap: 300, files: 90 } : {})),
    [],
  );
});

test("names a series that grows", () => {
  assert.match(found((n) => ({ ms: 5 + n })).join(), /^p50 /);
  assert.match(found((n) => ({ heap: 80 + 10 * n })).join(), /^heap /);
  assert.match(found((n) => ({ resident: 200 + 30 * n })).join(), /^RSS /);
  assert.match(found((n) => ({ files: 40 + 3 * n })).join(), /^files /);
  assert.match(found((n) => (n === 1 ? { lag: 501 } : {})).join(), /^501 events waited/);
});

test("a failure counts in every quiet window, and in no other", () => {
  const tally = { latenciesMs: [5], failed: 1, refused: 0 };
  const windows = windowsOf(() => ({}));
  const failing = windows.map((window) => (window.n === 0 ? { ...window, tally } : window));
  assert.deepEqual(unevenness(failing, 2), ["1 failed in window 1"]);
  const disturbed = failing.map((window) =>
    window.n === 0 ? { ...window, disturbance: "server killed" } : window,
  );
  assert.deepEqual(unevenness(disturbed, 2), []);
});
