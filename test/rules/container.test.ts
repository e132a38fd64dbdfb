import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { importsOf } from "./imports.ts";
import { basalt } from "../../src/composition.ts";

const root = path.resolve(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(path.join(root, file), "utf8");
const { imports, dependencies, optionalDependencies } = JSON.parse(read("package.json")) as {
  readonly imports: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};
const known = new Set<string>(Object.values(basalt.settings).map(({ env }) => env));

test("the image runs the Node that is pinned", () => {
  const images = [...read("Dockerfile").matchAll(/^FROM node:([\d.]+)-/gm)].map(([, node]) => node);
  assert.deepEqual(images, [dependencies["node"], dependencies["node"]]);
});

/** Files in src that the image does not have, as `.dockerignore` says it. */
const leftOut = read(".dockerignore")
  .split("\n")
  .filter((line) => line.startsWith("**/"));

/** The files and packages that `src/cli.ts` imports, directly or through others. */
function reached(): {
  readonly files: ReadonlySet<string>;
  readonly packages: ReadonlySet<string>;
} {
  const files = new Set(["src/cli.ts"]);
  const packages = new Set<string>();
  for (const file of files)
    for (const { target } of importsOf({ file, text: read(file) }, imports))
      if (/\.(ts|js|mjs)$/.test(target)) files.add(target);
      else if (!target.startsWith("node:")) packages.add(target);
  return { files, packages };
}

test("the image has every file and package that Basalt imports", () => {
  const { files, packages } = reached();
  assert.ok(files.size > 300 && packages.size > 30, `${files.size} files`);
  const absent = [...files].filter(
    (file) =>
      !file.startsWith("src/") ||
      leftOut.some((glob) => path.matchesGlob(file, glob) || path.matchesGlob(file, `${glob}/**`)),
  );
  assert.deepEqual(absent, []);
  const installed = Object.keys({ ...dependencies, ...optionalDependencies });
  const missing = [...packages].filter(
    (name) => !installed.some((one) => name === one || name.startsWith(`${one}/`)),
  );
  assert.deepEqual(missing, []);
});

for (const file of ["Dockerfile", "compose.yaml", "README.md", "SECURITY.md"])
  test(`${file} speaks of settings that exist`, () => {
    const named = read(file).match(/BASALT_[A-Z_]+/g) ?? [];
    assert.deepEqual(
      named.filter((name) => !known.has(name)),
      [],
    );
  });
