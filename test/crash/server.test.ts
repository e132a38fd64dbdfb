import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

const root = path.resolve(import.meta.dirname, "../..");

/** Texts of statements that planted defects alter, as the code has them. */
const altered = (source: string): readonly string[] =>
  [...source.matchAll(/\.replace(?:All)?\(\s*"([^"]+)"/g)].map(([, text = ""]) =>
    text.replace("trail.", "${schema}."),
  );

test("every text that a planted defect alters is there to be altered", () => {
  const found = altered(readFileSync(path.join(root, "test/crash/server.ts"), "utf8"));
  assert.ok(found.length >= 3, found.join());
  const sources = globSync("src/platform/**/*.ts", { cwd: root }).map((file) =>
    readFileSync(path.join(root, file), "utf8"),
  );
  for (const text of found)
    assert.ok(
      sources.some((source) => source.includes(text)),
      text,
    );
});

test("a text that is gone is seen", () => {
  assert.deepEqual(altered('text.replace(\n  "trail.advance(", "other(")'), ["${schema}.advance("]);
});
