import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

const docs = path.resolve(import.meta.dirname, "../../docs");
const page = readFileSync(path.join(docs, "security.md"), "utf8");

/** Ids by level, as in the template of @cyclonedx/cdxgen 12.8. */
const levels = JSON.parse(
  readFileSync(path.join(import.meta.dirname, "asvs-5.0-levels.json"), "utf8"),
) as Readonly<Record<1 | 2, readonly string[]>>;

type Row = { readonly points: readonly string[]; readonly kind: string; readonly says: string };

function rowsOf(text: string): readonly Row[] {
  return text
    .split("\n")
    .filter((line) => /^\| \d+\.\d+\.\d+/.test(line))
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .map(([, points = "", kind = "", says = ""]) => ({ points: points.split(", "), kind, says }));
}

/** `[title](file)`: the title must stand in the file. */
const testsIn = (says: string) =>
  [...says.matchAll(/\[([^\]]+)\]\(([^)]+\.ts)\)/g)].map(([, title = "", file = ""]) => ({
    title: title.replaceAll("\\", ""),
    file: path.join(docs, file),
  }));

function complaints(text: string): readonly string[] {
  const rows = rowsOf(text);
  const wanted: ReadonlySet<string> = new Set([...levels[1], ...levels[2]]);
  const seen = rows.flatMap(({ points }) => points);
  const twice = seen.filter((point, i) => seen.indexOf(point) !== i);
  const kinds = ["shown", "by design", "not applicable", "falls short"];
  return [
    ...[...wanted].filter((point) => !seen.includes(point)).map((point) => `${point} is missing`),
    ...seen.filter((point) => !wanted.has(point)).map((point) => `${point} is no point`),
    ...twice.map((point) => `${point} is there twice`),
    ...rows.flatMap(({ points, kind, says }) => {
      const [first = ""] = points;
      const tests = testsIn(says);
      if (!kinds.includes(kind)) return [`${first} is "${kind}"`];
      if (kind === "shown" && tests.length === 0) return [`${first} is shown by no test`];
      if (says === "") return [`${first} gives no reason`];
      return tests
        .filter(
          ({ file, title }) => !existsSync(file) || !readFileSync(file, "utf8").includes(title),
        )
        .map(({ title }) => `${first}: no test "${title}"`);
    }),
  ];
}

test("every ASVS point of levels 1 and 2 is listed once, and every test that shows one exists", () => {
  assert.equal(levels[1].length + levels[2].length, 253);
  assert.deepEqual(complaints(page), []);
});

test("a point that is gone, a renamed test and an empty reason are seen", () => {
  const planted = page
    .replace(/^\| 1\.2\.4 .*\n/m, "")
    .replace("[the password counts exactly as it was typed]", "[the password counts somehow]")
    .replace(/^(\| 1\.4\.2 +\| by design +)\|.*$/m, "$1| |");
  assert.deepEqual(complaints(planted), [
    "1.2.4 is missing",
    "1.4.2 gives no reason",
    '6.2.8: no test "the password counts somehow"',
  ]);
});
