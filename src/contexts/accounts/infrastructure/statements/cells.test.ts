import assert from "node:assert/strict";
import { test } from "node:test";
import { Currency } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import { dayOf, moneyOf } from "./cells.ts";

const usd = expect(Currency.parse("USD"));
const yen = expect(Currency.parse("JPY"));
const minor = (text: string, currency = usd, isPointDecimal = false) => {
  const read = moneyOf(text, currency, { field: "amount", isPointDecimal });
  return read.ok ? read.value.minor : read.error.reason;
};

test("amounts are read as banks of many countries write them", () => {
  const written: readonly (readonly [string, bigint])[] = [
    ["-4.50", -450n],
    ["+4,5", 450n],
    ["1.234,56", 123_456n],
    ["1,234.56", 123_456n],
    ["1'234.56", 123_456n],
    ["1 234,56", 123_456n],
    ["1,234,567", 123_456_700n],
    ["(12.00)", -1_200n],
    ["12.00-", -1_200n],
    ["$12", 1_200n],
    ["−7.10", -710n],
    [".5", 50n],
    ["7.", 700n],
    ["3.5000", 350n],
    ["-0", 0n],
  ];
  for (const [text, cents] of written) assert.equal(minor(text), cents, text);
  assert.equal(minor("1500", yen), 1_500n);
});

test("an amount that may be read in two ways, or not at all, is refused and not guessed", () => {
  for (const text of [
    "1,234",
    "1.234",
    "-1.500",
    "1.2.3",
    "1,23,4",
    "12a",
    "--1",
    "(1",
    "1)",
    "e5",
    "1,234.567,8",
  ])
    assert.equal(minor(text), "amount-invalid", text);
  assert.equal(minor(`${"1".repeat(130_000)}x`), "amount-invalid", "a long one is not looked at");
  assert.equal(minor(""), "amount-missing");
  assert.equal(minor("1.2345"), "amount-too-exact");
  assert.deepEqual(
    [minor("1.234", usd, true), minor("-1.500", usd, true)],
    ["amount-too-exact", -150n],
  );
  assert.equal(minor("0.5", yen), "amount-too-exact");
  assert.equal(minor("9".repeat(30)), "amount-too-large");
});

test("a date is the day that the bank says, whatever time and zone follow it", () => {
  const day = (text: string, ...orders: Parameters<typeof dayOf>[1][number][]) => {
    const read = dayOf(text, orders, "date");
    return read.ok ? read.value : read.error.reason;
  };
  for (const text of [
    "20260820",
    "20260820120000[0:GMT]",
    "20260820000000.000[-5:EST]",
    "2026 0820",
  ])
    assert.equal(day(text, "ofx"), "2026-08-20", text);
  assert.equal(day("2026-08-20T23:59:59-11:00", "iso"), "2026-08-20");
  assert.equal(day("202608201", "iso"), "date-invalid");
  assert.equal(day("00010101", "ofx"), "date-invalid", "no day before it could be kept");
  assert.equal(day("8/20/2026", "mdy"), "2026-08-20");
  assert.equal(day("20.8.2026", "iso", "dmy"), "2026-08-20");
  assert.equal(day("8/20/2026", "iso", "dmy"), "date-invalid");
  assert.equal(day("20260230", "ofx"), "date-invalid");
  assert.equal(day("", "ofx"), "date-missing");
});
