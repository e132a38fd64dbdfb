import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { memoryCache } from "#platform/cache/memory-cache.ts";
import { Unavailable } from "#platform/unavailable.ts";
import { testClock } from "#test/clock.ts";
import { testContext } from "#test/context.ts";
import { degrading } from "./degrading.ts";

const context = testContext();

function given(cache = memoryCache()) {
  const clock = testClock();
  const statuses: string[] = [];
  const upstream = { answer: async (): Promise<bigint> => 1n };
  const ask = degrading({
    name: "test",
    cache,
    clock,
    keyOf: (key: string) => key,
    source: () => upstream.answer(),
    onAnswer: (status) => statuses.push(status),
  });
  const away = async () => {
    throw new Unavailable("away", {});
  };
  return { ask, clock, statuses, upstream, away };
}

describe("a part of an answer", () => {
  test("is live while its source answers", async () => {
    const { ask, statuses } = given();
    assert.deepEqual(await ask("a", context), { status: "live", value: 1n });
    assert.deepEqual(statuses, ["live"]);
  });

  test("is the last known value, with its age, when the source does not answer", async () => {
    const { ask, clock, upstream, away } = given();
    await ask("a", context);
    clock.advance(5_000);
    upstream.answer = away;
    assert.deepEqual(await ask("a", context), { status: "stale", value: 1n, ageMs: 5_000 });
    assert.deepEqual(await ask("never asked", context), { status: "unavailable" });
  });

  test("does without a cache that does not answer", async () => {
    const broken = async () => {
      throw new Error("broken");
    };
    const { ask, upstream, away } = given({ ...memoryCache(), set: broken });
    assert.deepEqual(await ask("a", context), { status: "live", value: 1n });
    upstream.answer = away;
    assert.deepEqual(await ask("a", context), { status: "unavailable" });
  });

  test("throws on a bug of its source", async () => {
    const { ask, upstream } = given();
    upstream.answer = async () => {
      throw new TypeError("a bug");
    };
    await assert.rejects(ask("a", context), TypeError);
  });
});
