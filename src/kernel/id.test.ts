import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, test } from "node:test";
import { createIds, identifier, type Id } from "./id.ts";
import { Instant } from "./instant.ts";
import { ok } from "./result.ts";

type ThingId = Id<"thing">;

const ThingId = identifier<ThingId>("thing");

const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });

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

  test("are refused as another kind of id", () => {
    for (const input of ["other_01h455vb4pex5vsknk084sn02q", "thing_81h455vb4pex5vsknk084sn02q", 7])
      assert.equal(ThingId.parse(input).ok, false);
  });
});
