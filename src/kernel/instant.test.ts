import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Instant } from "./instant.ts";
import { expect, ok } from "./result.ts";

const two = (value: number) => String(value).padStart(2, "0");

describe("instants", () => {
  test("are of days that the calendar has", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9_998 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 31 }),
        (year, month, day) => {
          const text = `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;
          const date = new Date(`${text}T00:00:00Z`);
          assert.equal(Instant.parse(text).ok, date.getUTCDate() === day, text);
        },
      ),
    );
    for (const text of ["2027-02-30", "2027-02-29T10:00:00Z", "2027-04-31T10:00:00+02:00"])
      assert.equal(Instant.parse(text).ok, false, text);
    assert.equal(Instant.parse("2028-02-29").ok, true);
  });

  test("are UTC, whatever they were written in", () => {
    assert.deepEqual(Instant.parse("2026-01-31T13:00:00+01:00"), ok("2026-01-31T12:00:00.000Z"));
    for (const text of [
      "yesterday",
      "2026-01-31T12:00:00",
      "2026-02-31x",
      "Sat, 31 Jan 2026",
      "1",
      "0000-01-01T00:00:00Z",
      "+012345-01-01T00:00:00Z",
      "-000001-01-01T00:00:00Z",
      "0001-01-01T00:00:00+14:00",
      "9999-12-31T23:59:59-14:00",
    ])
      assert.equal(Instant.parse(text).ok, false, text);
    assert.equal(Instant.plus(expect(Instant.parse("2026-01-31")), 1), "2026-01-31T00:00:00.001Z");
    assert.equal(Instant.toUnixMs(Instant.fromUnixMs(42)), 42);
  });
});
