import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

const root = path.join(import.meta.dirname, "../..");

const indented = (line: string) => line.length - line.trimStart().length;

/** The statements of a text that wait for all of a list, and end while it is empty. */
function vacuous(text: string): readonly string[] {
  const lines = text.split("\n");
  return lines.flatMap((line, at) => {
    if (!/\buntil\(/.test(line)) return [];
    const end = lines.findIndex((next, index) => index > at && indented(next) <= indented(line));
    const statement = lines.slice(at, end < 0 ? undefined : end).join("\n");
    return statement.includes(".every(") ? [statement] : [];
  });
}

test("no test waits for all of a list in a way that an empty list satisfies", async () => {
  const found: string[] = [];
  for await (const file of glob("{src,test,examples}/**/*.ts", { cwd: root })) {
    if (file.endsWith("test/rules/waits.test.ts") || file.endsWith("test/support/until.ts"))
      continue;
    const waits = vacuous(await readFile(path.join(root, file), "utf8"));
    found.push(...waits.map((wait) => `${file}: ${wait} (untilAll asks for elements)`));
  }
  assert.deepEqual(found, []);
  const planted = [
    'await until(async () => (await syncs()).every(({ status }) => status === "done"));',
    "  await until(async () => {\n    const all = await syncs();\n    return all.every(ended);\n  });",
  ];
  assert.deepEqual(
    planted.map((text) => vacuous(text).length),
    [1, 1],
  );
});
