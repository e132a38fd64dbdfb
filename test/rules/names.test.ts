import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { parseSync, Visitor } from "oxc-parser";

const root = path.join(import.meta.dirname, "../..");

/** Names that read badly: `of` is a word of `for … of`, and `Record` is TypeScript's own. */
function badNames(file: string, text: string): readonly string[] {
  const found = new Set<string>();
  const seen = (name: string, start: number) =>
    found.add(`${file}:${text.slice(0, start).split("\n").length} ${name}`);
  const declares = ({ id }: { readonly id: { readonly name: string; readonly start: number } }) => {
    if (id.name === "Record") seen(id.name, id.start);
  };
  const properties = new Set<number>();
  const visitor = new Visitor({
    MemberExpression: ({ computed, property }) =>
      void (!computed && properties.add(property.start)),
    Property: ({ key, shorthand }) => void (!shorthand && properties.add(key.start)),
    TSPropertySignature: ({ key }) => void properties.add(key.start),
    MethodDefinition: ({ key }) => void properties.add(key.start),
    Identifier: ({ name, start }) =>
      void (name === "of" && !properties.has(start) && seen(name, start)),
    TSTypeAliasDeclaration: declares,
    TSInterfaceDeclaration: declares,
  });
  visitor.visit(parseSync(file, text).program);
  return [...found];
}

test("no identifier is named `of`, and no type hides TypeScript's Record", () => {
  const files = globSync("{src,test,bench,scripts,examples}/**/*.ts", { cwd: root }).filter(
    (file) => !file.split(path.sep).includes("node_modules"), // those of the benchmarks' peers
  );
  assert.ok(files.length > 300);

  const found = files.flatMap((file) =>
    badNames(file, readFileSync(path.join(root, file), "utf8")),
  );

  assert.deepEqual(found, []);
});

test("bad names are found wherever they are declared", () => {
  const planted = [
    "const of = 1;",
    "const f = (of: number) => of;",
    "const { of } = { of: 1 };",
    "type Record = 1;",
    "const fine = Array.of({ of: 1 }.of);",
  ];
  assert.deepEqual(badNames("planted.ts", planted.join("\n")), [
    "planted.ts:1 of",
    "planted.ts:2 of",
    "planted.ts:3 of",
    "planted.ts:4 Record",
  ]);
});
