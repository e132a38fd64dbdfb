import assert from "node:assert/strict";
import { test } from "node:test";
import { err, ok } from "./result.ts";
import { atVersion, Version } from "./version.ts";

const aggregate = { version: Version.plus(Version.none, 3) };

test("an aggregate is answered where its version is the expected one, or none is expected", () => {
  assert.deepEqual(atVersion(aggregate, aggregate.version), ok(aggregate));
  assert.deepEqual(atVersion(aggregate, undefined), ok(aggregate));
});

test("another version than the expected one is refused with the current one", () => {
  assert.deepEqual(
    atVersion(aggregate, Version.none),
    err({ type: "precondition-failed", currentVersion: aggregate.version }),
  );
});
