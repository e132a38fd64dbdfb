import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Sha256 } from "../../domain/content.ts";
import { runsOf, type LocatedPart } from "./runs.ts";

const kibibyte = 1_024;

test("puts chunks together that are kept one behind the other, in their order, up to half a mebibyte", () => {
  const size = fc.integer({ min: 1, max: 256 }).map((some) => some * kibibyte);
  const parts = fc.array(fc.record({ size, segment: fc.constantFrom("a", "b"), gap: fc.nat(1) }), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(parts, (some) => {
      const ends: Record<string, number> = {};
      const located = some.map(({ size, segment, gap }): LocatedPart => {
        const offset = (ends[segment] ?? 0) + gap;
        ends[segment] = offset + size;
        const location = { segment, offset, size };
        return { hash: "" as Sha256, size, from: 0, until: size, location };
      });
      const runs = runsOf(located);
      assert.deepEqual(runs.flat(), located);
      const sizeOf = (run: readonly LocatedPart[]) => run.reduce((sum, one) => sum + one.size, 0);
      const follows = (one: LocatedPart, next: LocatedPart | undefined) =>
        one.location.segment === next?.location.segment &&
        one.location.offset + one.size === next.location.offset;
      for (const [i, run] of runs.entries()) {
        assert.ok(run.slice(1).every((one, n) => follows(run[n] as LocatedPart, one)));
        assert.ok(run.length === 1 || sizeOf(run) <= 512 * kibibyte);
        const next = runs[i + 1]?.[0];
        const couldGoOn = follows(run.at(-1) as LocatedPart, next);
        assert.ok(!couldGoOn || sizeOf(run) + (next?.size ?? 0) > 512 * kibibyte);
      }
    }),
  );
});
