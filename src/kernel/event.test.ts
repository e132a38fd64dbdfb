import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { event, registry } from "./event.ts";
import { err, expect, ok } from "./result.ts";
import { branded, type Brand } from "./shape.ts";

type Label = Brand<string, "Label">;

const Label = branded<Label>("label", {
  schema: { type: "string", minLength: 2, maxLength: 5 },
  parse: (input) => input.trim(),
});

type Count = Brand<number, "Count">;

const Count = branded<Count>("count", { schema: { type: "integer", minimum: 0, maximum: 9 } });

describe("events", () => {
  const Labelled = event("things.labelled", 2, { label: Label, count: Count }, [
    (old: { readonly name: string }) => ({ label: old.name, count: 0 }),
  ]);
  const Counted = event("things.counted", 1, { count: Count });
  const events = registry(Labelled, Counted);

  test("are read back as they were made", () => {
    const made = Counted({ count: expect(Count.parse(3)) });
    assert.deepEqual(events.decode(JSON.parse(JSON.stringify(made))), ok(made));
  });

  test("are upcast from an old schema version", () => {
    const old = { type: "things.labelled", schemaVersion: 1, payload: { name: "ab" } };
    assert.deepEqual(
      events.decode(old),
      ok({ type: "things.labelled", schemaVersion: 2, payload: { label: "ab", count: 0 } }),
    );
  });

  test("are refused when their type or version is unknown", () => {
    for (const [type, schemaVersion] of [
      ["things.lost", 1],
      ["things.counted", 2],
    ] as const)
      assert.deepEqual(
        events.decode({ type, schemaVersion, payload: {} }),
        err({ type: "unknown-event", eventType: type, schemaVersion }),
      );
  });

  test("are declared once, with an upcaster for each old version", () => {
    assert.throws(() => registry(Counted, Counted), /twice/);
    assert.throws(() => event("things.late", 3, {}), /upcasters/);
  });
});
