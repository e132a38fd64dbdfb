import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { arrowsOf, contextMap } from "../../scripts/context-map.ts";

const file = path.resolve(import.meta.dirname, "../../docs/context-map.md");

/** Cells are padded to one width by the formatter. */
const unpadded = (page: string) => page.replaceAll(/ +\|/g, " |").replaceAll(/-+(?= \|)/g, "-");

test("the context map is what the code makes of it", () => {
  const page = readFileSync(file, "utf8");
  assert.equal(unpadded(page), unpadded(contextMap(page)), "run `npm run documents`");
});

test("a map without its tables, picture and arrows gets them back", () => {
  const page = readFileSync(file, "utf8");
  const emptied = page.replaceAll(
    /(made by npm run documents -->\n\n)[^]*?(\n\n<!-- end)/g,
    "$1$2",
  );
  assert.doesNotMatch(emptied, /identity\.user-registered|flowchart/);
  const made = contextMap(emptied);
  assert.match(made, /`identity\.user-registered`/);
  assert.match(made, /catalog --> identity/);
  assert.match(made, /\| `catalog` \| `identity` \|/);
});

test("an import of another context is an arrow, one of one's own is not", () => {
  const door = 'import { UserId } from "#contexts/identity";';
  const past = 'import type { User } from "../../identity/domain/user.ts";';
  const drawn = (from: string, text: string) => arrowsOf([{ file: from, text }]);
  const [drive, identity] = ["src/contexts/drive", "src/contexts/identity"];
  const arrow = [{ from: "drive", to: "identity" }];
  assert.deepEqual(drawn(`${drive}/infrastructure/owners.ts`, door), arrow);
  assert.deepEqual(drawn(`${drive}/domain/owners.ts`, past), arrow);
  assert.deepEqual(drawn(`${identity}/presentation/routes.ts`, door), []);
});
