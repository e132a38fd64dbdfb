import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Instant } from "#kernel/instant.ts";
import { httpDate } from "./properties.ts";

test("spells each instant as HTTP does", () => {
  const [min, max] = [new Date("0001-01-01T00:00:00Z"), new Date("9999-12-31T23:59:59.999Z")];
  fc.assert(
    fc.property(fc.date({ min, max, noInvalidDate: true }), (date) => {
      assert.equal(httpDate(Instant.fromUnixMs(date.getTime())), date.toUTCString());
    }),
  );
});
