import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import specs from "@asyncapi/specs";
import { Ajv, type SchemaObject } from "ajv";
import { changedEvents, type EventDocument } from "../../scripts/changed-events.ts";
import { basalt } from "../../src/composition.ts";

const isValid = new Ajv({ strict: false, validateFormats: false }).compile(
  specs.schemasWithoutId["3.0.0"] as SchemaObject,
);
const made = basalt.asyncApi("Basalt");

test("the document of the events is AsyncAPI 3", () => {
  assert.ok(isValid(made), JSON.stringify(isValid.errors?.slice(0, 5)));
  assert.equal(isValid({ ...made, channels: [] }), false);
});

test("docs/asyncapi.json is made of the declarations", () => {
  const file = path.resolve(import.meta.dirname, "../../docs/asyncapi.json");
  assert.equal(
    readFileSync(file, "utf8"),
    `${JSON.stringify(made, undefined, 2)}\n`,
    "npm run documents",
  );
});

test("every reference in it leads somewhere, and every event is a message", () => {
  const references = [...JSON.stringify(made).matchAll(/"\$ref":"#\/([^"]+)"/g)];
  assert.ok(references.length > 20);
  for (const [, path = ""] of references) {
    const found = path
      .split("/")
      .reduce<unknown>((part, step) => (part as Record<string, unknown>)[step], made);
    assert.ok(found, path);
  }
});

test("finds events that are gone or changed under their version, but not new words and versions", () => {
  const documentOf = (version: number, properties: object): EventDocument => ({
    components: {
      messages: {
        written: {
          name: "things.written",
          payload: {
            properties: {
              schemaVersion: { const: version },
              payload: { type: "object", properties },
            },
          },
        },
      },
    },
  });
  const before = documentOf(1, { text: { type: "string", title: "note" } });
  const more = { text: { type: "string" }, servings: { type: "integer" } };

  assert.deepEqual(changedEvents(before, documentOf(1, more)), ["things.written v1"]);
  assert.deepEqual(changedEvents(before, documentOf(2, more)), []);
  assert.deepEqual(changedEvents(documentOf(2, more), documentOf(1, more)), ["things.written v1"]);
  const none = { components: { messages: {} } };
  assert.deepEqual(changedEvents(before, none), ["things.written (gone)"]);
  assert.deepEqual(changedEvents(none, before), []);
  assert.deepEqual(changedEvents(before, documentOf(1, { text: { type: "string" } })), []);
});
