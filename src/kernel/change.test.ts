import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { andThen, saved, unchanged } from "./change.ts";
import { event } from "./event.ts";
import { expect } from "./result.ts";
import { branded, type Brand } from "./shape.ts";
import { Version } from "./version.ts";

type Count = Brand<number, "Count">;

const Count = branded<Count>("count", { schema: { type: "integer", minimum: 0, maximum: 9 } });

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
