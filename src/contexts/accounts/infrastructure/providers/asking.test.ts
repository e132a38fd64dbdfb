import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { expect } from "#kernel/result.ts";
import { retryAfterMs } from "./asking.ts";
import { rawOf, readJson } from "./json.ts";

test("numbers of JSON stay as they are spelled: ids above 2^53, 14 decimals, exponents", () => {
  const text = '{"id":9007199254740993,"cash":0.10000000000001,"x":[1e3,{"y":null,"z":true}]}';
  assert.deepEqual(rawOf(expect(readJson(text))), {
    id: "9007199254740993",
    cash: "0.10000000000001",
    "x.0": "1e3",
    "x.1.z": "true",
  });
});

test("what is no JSON is unreadable, and a deep or wide record is cut", () => {
  for (const text of ["", "<html>", '{"a":']) assert.equal(readJson(text).ok, false);
  const deep = expect(readJson(`${'{"a":'.repeat(50)}1${"}".repeat(50)}`));
  assert.deepEqual(rawOf(deep), {});
  const wide = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`f${i}`, i]));
  assert.equal(Object.keys(rawOf(wide)).length, 200);
});

test("Retry-After is read as seconds and as a date, and as nothing where it is neither", () => {
  const now = Date.parse("2026-11-27T12:00:00Z");
  const read = (header: string | null) => retryAfterMs(header, now);
  assert.deepEqual(
    ["120", "0", "Fri, 27 Nov 2026 12:01:00 GMT", "Fri, 27 Nov 2020 12:01:00 GMT"].map(read),
    [120_000, 0, 60_000, 0],
  );
  for (const neither of [null, "", "soon", "-5", "1.5", "1e3", "2026-11-27"])
    assert.equal(read(neither), undefined, String(neither));
  assert.equal(read("999999999"), 24 * 3_600_000, "no longer than a day");
  fc.assert(
    fc.property(fc.string(), (text) => {
      const ms = read(text);
      assert.ok(ms === undefined || (ms >= 0 && ms <= 24 * 3_600_000));
    }),
  );
});
