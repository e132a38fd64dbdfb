import assert from "node:assert/strict";
import { test } from "node:test";
import { expect } from "#kernel/result.ts";
import { NodePath } from "./node-path.ts";

test("reads a path as the names from the root down", () => {
  const names = (path: string) => NodePath.names(expect(NodePath.parse(path)));
  assert.deepEqual(names("/"), []);
  assert.deepEqual(names("/Photos"), ["Photos"]);
  assert.deepEqual(names("/Photos/2026/ü.jpg"), ["Photos", "2026", "ü.jpg"]);
  assert.equal(NodePath.first(expect(NodePath.parse("/a/b/c")), 2), "/a/b");
});

for (const path of [
  "",
  "a",
  "a/b",
  "//",
  "/a/",
  "/a//b",
  "/./a",
  "/../a",
  "/a/nul",
  `/${"a".repeat(256)}`,
  `/${"a/".repeat(3_000)}a`,
])
  test(`${JSON.stringify(path.slice(0, 20))} of ${path.length} characters is no path`, () => {
    assert.equal(NodePath.parse(path).ok, false);
  });
