import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { basalt } from "../../src/composition.ts";

const root = path.resolve(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(path.join(root, file), "utf8");
const known = new Set<string>(Object.values(basalt.settings).map(({ env }) => env));

test("the image runs the Node that is pinned", () => {
  const { dependencies } = JSON.parse(read("package.json")) as {
    readonly dependencies: { readonly node: string };
  };
  const images = [...read("Dockerfile").matchAll(/^FROM node:([\d.]+)-/gm)].map(([, node]) => node);
  assert.deepEqual(images, [dependencies.node, dependencies.node]);
});

for (const file of ["Dockerfile", "compose.yaml", "README.md", "SECURITY.md"])
  test(`${file} speaks of settings that exist`, () => {
    const named = read(file).match(/BASALT_[A-Z_]+/g) ?? [];
    assert.deepEqual(
      named.filter((name) => !known.has(name)),
      [],
    );
  });
