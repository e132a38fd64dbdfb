import assert from "node:assert/strict";
import { test } from "node:test";
import { Instant } from "#kernel/instant.ts";
import { Currency, Money } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import { Instrument, Quantity, ToldHoldings, type Holding } from "./holding.ts";

const usd = expect(Currency.parse("USD"));
const holding = (instrument: string, minor: bigint): Holding => ({
  instrument: expect(Instrument.parse(instrument)),
  quantity: expect(Quantity.parse("1")),
  marketValue: Money.of(minor, usd),
  asOf: Instant.fromUnixMs(0),
});
const judged = (holdings: readonly Holding[], total?: bigint, areReadable = true) =>
  ToldHoldings.judge(holdings, {
    areReadable,
    total: total === undefined ? undefined : Money.of(total, usd),
  }).extent;

test("an answer is whole if it comes to the total, partial if not, and an empty one without a total says nothing", () => {
  const some = [holding("A", 10_000n), holding("B", 10_000n)];
  assert.deepEqual(
    [judged(some, 20_000n), judged(some, 20_100n), judged(some, 20_300n), judged(some)],
    ["whole", "whole", "partial", "whole"],
  );
  assert.deepEqual([judged([], 0n), judged([], 1n), judged([])], ["whole", "partial", "unsaid"]);
  assert.equal(judged([holding("OWED", -500n)], -500n), "whole");
  assert.equal(judged(some, 20_000n, false), "partial", "one could not be read");
});

test("more positions than an account may have are cut, and the answer is partial", () => {
  const many = Array.from({ length: 10_001 }, (_, i) => holding(`S${i}`, 1n));
  const { holdings, extent } = ToldHoldings.judge(many, { areReadable: true, total: undefined });
  assert.deepEqual([extent, holdings.length], ["partial", 10_000]);
});
