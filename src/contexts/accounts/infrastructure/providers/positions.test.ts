import assert from "node:assert/strict";
import { test } from "node:test";
import { Instant } from "#kernel/instant.ts";
import { Currency, Money } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import { decimalOf } from "./decimals.ts";
import { holdingsOf, spelled } from "./positions.ts";

const currency = expect(Currency.parse("USD"));
const asOf = Instant.fromUnixMs(0);
const position = (instrument: string, quantity: string, marketValue: string) => ({
  instrument,
  quantity: decimalOf(quantity),
  costBasis: undefined,
  marketValue,
});
const told = (positions: Parameters<typeof holdingsOf>[0], total?: bigint) => {
  const { holdings, extent } = holdingsOf(positions, {
    currency,
    asOf,
    total: total === undefined ? undefined : Money.of(total, currency),
  });
  return [
    extent,
    ...holdings.map((one) => `${one.instrument} ${one.quantity} ${one.marketValue.minor}`),
  ];
};

test("numbers are spelled without exponents and zeros", () => {
  const spell = (text: string) => spelled(decimalOf(text) ?? { digits: 0n, after: 0 });
  assert.deepEqual(["1.50", "1e3", "1.5e-3", "-0.10", "100", "0", "-2E2"].map(spell), [
    "1.5",
    "1000",
    "0.0015",
    "-0.1",
    "100",
    "0",
    "-200",
  ]);
});

test("a position in parts is their sum, and one that is told twice is one", () => {
  const [long, short] = [position("A", "3", "10"), position("A", "-1.5", "-5")];
  assert.deepEqual(told([long, short]), ["whole", "A 1.5 500"]);
  assert.deepEqual(told([long, long]), ["whole", "A 3 1000"]);
});

test("an answer with a position that cannot be read is partial", () => {
  assert.deepEqual(told([position("A", "many", "1")]), ["partial"]);
});
