import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { parseSync, Visitor, type Expression, type ObjectExpression } from "oxc-parser";

const root = path.join(import.meta.dirname, "../..");
/** Where free text is normalised; and the text that is only shown. */
const sources = new Set(["src/kernel/line.ts", "src/kernel/scalars.ts"]);
const bounding = ["pattern", "enum", "format"];

function fieldOf(object: ObjectExpression, name: string): Expression | undefined {
  for (const property of object.properties)
    if (property.type === "Property" && property.key.type === "Identifier")
      if (property.key.name === name) return property.value;
  return undefined;
}

/** Texts without a pattern that are taken as they come: two spellings would be two texts. */
function rawTexts(file: string, text: string): readonly string[] {
  const found: string[] = [];
  const visitor = new Visitor({
    CallExpression({ callee, arguments: [, definition], start }) {
      if (callee.type !== "Identifier" || callee.name !== "branded") return;
      const schema =
        definition?.type === "ObjectExpression" ? fieldOf(definition, "schema") : undefined;
      if (schema?.type !== "ObjectExpression") return;
      const type = fieldOf(schema, "type");
      const isText = type?.type === "Literal" && type.value === "string";
      if (isText && !bounding.some((keyword) => fieldOf(schema, keyword)))
        found.push(`${file}:${text.slice(0, start).split("\n").length}`);
    },
  });
  visitor.visit(parseSync(file, text).program);
  return found;
}

test("free text is a `line` or `lines`, so that one text has one spelling", () => {
  const files = globSync("{src,examples}/**/*.ts", { cwd: root, exclude: ["**/*.test.ts"] })
    .map((file) => file.replaceAll(path.sep, "/"))
    .filter((file) => !sources.has(file));
  assert.ok(files.length > 200);
  const found = files.flatMap((file) =>
    rawTexts(file, readFileSync(path.join(root, file), "utf8")),
  );
  assert.deepEqual(found, []);
});

test("the rule finds a planted text", () => {
  const planted = (schema: string) => rawTexts("x.ts", `branded("x", { schema: ${schema} });`);
  assert.deepEqual(planted('{ type: "string", minLength: 1, maxLength: 9 }'), ["x.ts:1"]);
  assert.deepEqual(planted('{ type: "string", pattern: "^x$" }'), []);
  assert.deepEqual(planted('{ type: "integer" }'), []);
});
