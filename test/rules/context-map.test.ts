import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { pictureOf, registries } from "../../src/documents.ts";
import { contexts } from "../../src/main.ts";

const root = path.resolve(import.meta.dirname, "../..");
const page = readFileSync(path.join(root, "docs/context-map.md"), "utf8");

type Source = { readonly file: string; readonly text: string };

/** `drive → identity` for each import of one context's door by another. */
function arrowsOf(sources: readonly Source[]): readonly string[] {
  const arrows = sources.flatMap(({ file, text }) => {
    const [, from] = /contexts\/(\w+)\//.exec(file) ?? [];
    const doors = [...text.matchAll(/from "#(\w+)"/g)].map(([, to]) => to);
    return doors.filter((to) => to !== from).map((to) => `${from} → ${to}`);
  });
  return [...new Set(arrows)].toSorted();
}

/** Cells of the rows of the table below a heading, without code marks. */
function rowsBelow(heading: string): readonly (readonly string[])[] {
  const [, below = ""] = page.split(`${heading}\n`);
  const table = /(?:^\|.*\n)+/m.exec(below)?.[0] ?? "";
  return table
    .trimEnd()
    .split("\n")
    .slice(2)
    .map((line) => line.split("|").slice(1, -1))
    .map((cells) => cells.map((cell) => cell.replaceAll("`", "").trim()));
}

const sources = globSync("src/contexts/**/*.ts", { cwd: root })
  .map((file) => file.replaceAll(path.sep, "/"))
  .filter((file) => !file.endsWith(".test.ts") && !file.endsWith(".contract.ts"))
  .map((file) => ({ file, text: readFileSync(path.join(root, file), "utf8") }));

test("the context map has the arrows that the imports have", () => {
  const drawn = rowsBelow("## Arrows").map(([from, to]) => `${from} → ${to}`);
  assert.deepEqual(drawn.toSorted(), arrowsOf(sources));
});

test("the context map has every context with the events that it publishes", () => {
  assert.deepEqual(Object.keys(registries), [...contexts]);
  const published = Object.entries(registries).map(([name, { declarations }]) => [
    name,
    declarations.map(({ type }) => type).join(", "),
  ]);
  assert.deepEqual(
    rowsBelow("# Context map").map(([name, , , events]) => [name, events]),
    published,
  );
});

test("the picture on the context map is the one that the code makes", () => {
  const picture = pictureOf(arrowsOf(sources));
  assert.ok(page.includes(picture), `docs/context-map.md wants:\n${picture}`);
});

test("an import of another context's door is seen as an arrow, of one's own is not", () => {
  const text = 'import { UserId } from "#identity";';
  const planted = [
    { file: "src/contexts/drive/infrastructure/owners.ts", text },
    { file: "src/contexts/identity/presentation/routes.ts", text },
  ];
  assert.deepEqual(arrowsOf(planted), ["drive → identity"]);
});
