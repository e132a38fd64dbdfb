import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { err, expect, ok } from "./result.ts";

describe("results", () => {
  test("expect gives the value of an ok and throws on an err", () => {
    assert.equal(expect(ok(1)), 1);
    assert.throws(() => expect(err({ type: "no" })), { cause: { type: "no" } });
  });
});
