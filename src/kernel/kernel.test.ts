import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { andThen, saved, unchanged } from "./change.ts";
import { event, registry } from "./event.ts";
import { createIds, identifier, type Id } from "./id.ts";
import { Instant } from "./instant.ts";
import { err, expect, ok } from "./result.ts";
import { branded, list, optional, shape, type Brand } from "./shape.ts";
import { Version } from "./version.ts";

type ThingId = Id<"thing">;
const ThingId = identifier<ThingId>("thing");
type Label = Brand<string, "Label">;
const Label = branded<Label>("label", {
  schema: { type: "string", minLength: 2, maxLength: 5 },
  parse: (input) => input.trim(),
});
type Count = Brand<number, "Count">;
const Count = branded<Count>("count", { schema: { type: "integer", minimum: 0, maximum: 9 } });

const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });

describe("results", () => {
  test("expect gives the value of an ok and throws on an err", () => {
    assert.equal(expect(ok(1)), 1);
    assert.throws(() => expect(err({ type: "no" })), { cause: { type: "no" } });
  });
});

describe("identifiers", () => {
  test("spell and parse the same, for any bytes", () => {
    fc.assert(
      fc.property(bytes, (sixteen) => {
        const id = ThingId.from(sixteen);
        assert.deepEqual(ThingId.parse(id), ok(id));
      }),
    );
  });

  test("sort as their bytes do", () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        const order = Math.sign(Buffer.compare(a, b));
        const [x, y] = [ThingId.from(a), ThingId.from(b)];
        assert.equal(x < y ? -1 : x > y ? 1 : 0, order);
      }),
    );
  });

  test("agree with the example of the TypeID specification", () => {
    const uuid = Buffer.from("01890a5dac96774bbcceb302099a8057", "hex");
    assert.equal(ThingId.from(uuid), "thing_01h455vb4pex5vsknk084sn02q");
  });

  test("are made in ascending order, whatever the clock does", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 50 }), (steps) => {
        let unixMs = 1_700_000_000_000;
        const clock = { now: () => Instant.fromUnixMs(unixMs), unixMs: () => unixMs };
        const newId = createIds({ clock, random: (size) => new Uint8Array(size).fill(7) });
        const ids = steps.map((step) => {
          unixMs += step;
          return newId(ThingId);
        });
        assert.deepEqual(ids, ids.toSorted());
        assert.equal(new Set(ids).size, ids.length);
      }),
    );
  });

  test("stay unique when one millisecond has more of them than it can count", () => {
    const clock = { now: () => Instant.fromUnixMs(0), unixMs: () => 1_700_000_000_000 };
    const newId = createIds({ clock, random: (size) => new Uint8Array(size) });
    const many = 10_000;
    assert.equal(new Set(Array.from({ length: many }, () => newId(ThingId))).size, many);
  });

  test("of another kind are refused", () => {
    for (const input of ["other_01h455vb4pex5vsknk084sn02q", "thing_81h455vb4pex5vsknk084sn02q", 7])
      assert.equal(ThingId.parse(input).ok, false);
  });
});

describe("values", () => {
  test("are normalised before they are checked", () => {
    assert.deepEqual(Label.parse("  ab  "), ok("ab"));
    assert.equal(Label.parse("  a  ").ok, false);
  });

  test("count code points, and refuse what is no text", () => {
    assert.equal(Label.parse("🙂🙂🙂🙂🙂").ok, true);
    assert.equal(Label.parse("🙂🙂🙂🙂🙂🙂").ok, false);
    assert.equal(Label.parse("ab\0").ok, false);
    assert.equal(Label.parse("ab\ud800").ok, false);
  });

  test("are idempotent under parsing", () => {
    fc.assert(
      fc.property(fc.string(), (input) => {
        const once = Label.parse(input);
        if (once.ok) assert.deepEqual(Label.parse(once.value), once);
      }),
    );
  });

  test("of numbers keep their bounds", () => {
    assert.equal(Count.parse(9).ok, true);
    for (const input of [-1, 10, 1.5, NaN, "3", 2 ** 60])
      assert.equal(Count.parse(input).ok, false);
  });
});

describe("shapes", () => {
  const Thing = shape({ label: Label, count: optional(Count), labels: optional(list(Label, 2)) });

  test("parse every field and leave out what is missing", () => {
    assert.deepEqual(Thing.parse({ label: " ab " }), ok({ label: "ab" }));
  });

  test("report every broken field at its place", () => {
    const parsed = Thing.parse({ count: 10, labels: ["ab", 1], more: true, "a/~b": 1 });
    assert.ok(!parsed.ok);
    assert.deepEqual(
      parsed.error.issues.map(({ path }) => path),
      ["/label", "/count", "/labels/1", "/more", "/a~1~0b"],
    );
  });

  test("refuse what is no record, and lists that are too long", () => {
    for (const input of [null, [], "x", 1]) assert.equal(Thing.parse(input).ok, false);
    assert.equal(Thing.parse({ label: "ab", labels: ["ab", "ab", "ab"] }).ok, false);
  });

  test("never take a field from the prototype", () => {
    assert.equal(Thing.parse(Object.create({ label: "ab" })).ok, false);
  });
});

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

  test("of an old schema version are upcast", () => {
    const old = { type: "things.labelled", schemaVersion: 1, payload: { name: "ab" } };
    assert.deepEqual(
      events.decode(old),
      ok({ type: "things.labelled", schemaVersion: 2, payload: { label: "ab", count: 0 } }),
    );
  });

  test("of an unknown type or a newer version are refused", () => {
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

describe("changes", () => {
  const Counted = event("things.counted", 1, { count: Count });
  const start = { version: Version.none, count: 0 };

  test("count one version for each event, however they are chained", () => {
    const counted = { state: start, events: [Counted({ count: expect(Count.parse(1)) })] };
    const twice = andThen(counted, (state) => ({ state, events: counted.events }));
    assert.equal(saved(twice).version, 2);
    assert.equal(saved(unchanged(start)).version, 0);
  });
});

describe("instants", () => {
  test("are UTC, whatever they were written in", () => {
    assert.deepEqual(Instant.parse("2026-01-31T13:00:00+01:00"), ok("2026-01-31T12:00:00.000Z"));
    for (const text of [
      ...["yesterday", "2026-01-31T12:00:00", "2026-02-31x", "Sat, 31 Jan 2026", "1"],
      ...["0000-01-01T00:00:00Z", "+012345-01-01T00:00:00Z", "-000001-01-01T00:00:00Z"],
      ...["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"],
    ])
      assert.equal(Instant.parse(text).ok, false, text);
    assert.equal(Instant.plus(expect(Instant.parse("2026-01-31")), 1), "2026-01-31T00:00:00.001Z");
    assert.equal(Instant.toUnixMs(Instant.fromUnixMs(42)), 42);
  });
});
