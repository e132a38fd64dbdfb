import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

const root = path.join(import.meta.dirname, "../..");

test("every test that docs/proof.md names for a fault elsewhere is there", async () => {
  const text = await readFile(path.join(root, "docs/proof.md"), "utf8");
  const section = text.split("## What goes wrong elsewhere")[1] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| "));
  const named = rows.flatMap((row) =>
    [...row.matchAll(/`([^`]+)`/g)].map(([, title]) => title ?? ""),
  );
  assert.ok(named.length > 25);
  let all = "";
  for await (const file of glob("src/contexts/accounts/**/*.{test,contract}.ts", { cwd: root }))
    all += await readFile(path.join(root, file), "utf8");
  assert.deepEqual(
    named.filter((title) => !all.includes(`"${title}"`)),
    [],
  );
});
