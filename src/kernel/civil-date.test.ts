import assert from "node:assert/strict";
import { test } from "node:test";
import { CivilDate } from "./civil-date.ts";
import { Instant } from "./instant.ts";
import { expect, ok } from "./result.ts";

test("accepts days of the calendar alone", () => {
  assert.deepEqual(CivilDate.parse("2028-02-29"), ok("2028-02-29"));
  for (const wrong of [
    "2027-02-29",
    "2027-1-31",
    "2027-01-31T00:00:00Z",
    "0000-01-01",
    "",
    20270131,
  ])
    assert.equal(CivilDate.parse(wrong).ok, false, String(wrong));
});

test("an instant has the day of UTC", () => {
  const late = expect(Instant.parse("2027-01-31T23:30:00-02:00"));
  assert.equal(CivilDate.ofInstant(late), "2027-02-01");
});
