import assert from "node:assert/strict";
import { test } from "node:test";
import { serializersOf } from "./serializers.ts";

const object = (properties: Record<string, unknown>) => ({ type: "object", properties });
const text = { type: "string" };
const components = [
  { $id: "Line", ...object({ price: { $ref: "Price#" } }) },
  { $id: "Price", ...object({ amount: text }) },
  { $id: "Broken", type: "no such type" },
];

test("writes the fields of a schema, and of those that it refers to, and no others", () => {
  const schema = object({ id: text, line: { $ref: "Line#" } });
  const serialize = serializersOf(components)({ schema });
  const line = { price: { amount: "1.00", cost: "0.10" }, secret: "s" };
  assert.equal(
    serialize({ id: "1", line, hash: "h" }),
    '{"id":"1","line":{"price":{"amount":"1.00"}}}',
  );
});

test("equal schemas share one serializer, made of nothing but what it needs", () => {
  const compile = serializersOf(components);
  assert.equal(compile({ schema: object({ a: text }) }), compile({ schema: object({ a: text }) }));
  assert.throws(() => compile({ schema: { $ref: "Broken#" } })({}));
});
