import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { basalt } from "../../src/composition.ts";
import { importsOf, placeOf, type Source } from "./imports.ts";

const root = path.resolve(import.meta.dirname, "../..");
const { imports: subpaths } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
  readonly imports: Readonly<Record<string, string>>;
};
const page = readFileSync(path.join(root, "docs/context-map.md"), "utf8");

/** `drive → identity` where a file of one context imports anything of another. */
function arrowsOf(sources: readonly Source[]): readonly string[] {
  const arrows = sources.flatMap((source) => {
    const from = placeOf(source.file).context;
    const used = importsOf(source, subpaths).map(({ target }) => placeOf(target).context);
    return used.filter((to) => to !== undefined && to !== from).map((to) => `${from} → ${to}`);
  });
  return [...new Set(arrows)].toSorted();
}

/** The contexts and their schemas, as the map's picture: arrows as `asker → asked`. */
function pictureOf(arrows: readonly string[]): string {
  const contexts = basalt.modules.map(
    ({ name, events }) => `  ${name}["${name}<br/>event types: ${events.declarations.length}"]`,
  );
  const lines = arrows.map((arrow) => `  ${arrow.replace(" → ", " --> ")}`);
  return ["```mermaid", "flowchart LR", ...contexts, ...lines, "```"].join("\n");
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
  .filter((file) => !/\.(test|contract)\.ts$|\/testing\//.test(file))
  .map((file) => ({ file, text: readFileSync(path.join(root, file), "utf8") }));

test("the context map has the arrows that the imports have", () => {
  const drawn = rowsBelow("## Arrows").map(([from, to]) => `${from} → ${to}`);
  assert.deepEqual(drawn.toSorted(), arrowsOf(sources));
});

test("the context map has every context with the events that it publishes", () => {
  const published = basalt.modules.map(({ name, events }) => [
    name,
    events.declarations.map(({ type }) => type).join(", "),
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

test("an import of another context is seen as an arrow, one of one's own is not", () => {
  const door = 'import { UserId } from "#contexts/identity";';
  const past = 'import type { User } from "../../identity/domain/user.ts";';
  const drawn = (file: string, text: string) => arrowsOf([{ file, text }]);
  const [drive, identity] = ["src/contexts/drive", "src/contexts/identity"];
  assert.deepEqual(drawn(`${drive}/infrastructure/owners.ts`, door), ["drive → identity"]);
  assert.deepEqual(drawn(`${drive}/domain/owners.ts`, past), ["drive → identity"]);
  assert.deepEqual(drawn(`${identity}/presentation/routes.ts`, door), []);
});
