import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Currency, Money } from "./money.ts";
import { err, expect, ok } from "./result.ts";
import { unruly } from "./shape.ts";

const currency = (code: string) => expect(Currency.parse(code));
const money = (amount: string, code: string) =>
  expect(Money.parse({ amount, currency: currency(code) }));
const codes = (Currency.schema["enum"] as readonly string[]).map(currency);
const amounts = fc
  .tuple(fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }), fc.constantFrom(...codes))
  .map(([minor, code]) => Money.of(minor, code));

describe("money", () => {
  test("is spelled with as many digits as its currency has", () => {
    for (const [minor, code, amount] of [
      [1250n, "EUR", "12.50"],
      [-5n, "EUR", "-0.05"],
      [1250n, "JPY", "1250"],
      [1n, "KWD", "0.001"],
      [12_345n, "CLF", "1.2345"],
    ] as const)
      assert.deepEqual(Money.spell({ minor, currency: currency(code) }), {
        amount,
        currency: code,
      });
  });

  test("comes back from its spelling, whatever the currency", () => {
    fc.assert(
      fc.property(amounts, (amount) => {
        assert.deepEqual(Money.parse(Money.spell(amount)), ok(amount));
      }),
    );
  });

  test("is refused with fractions that its currency does not have, and as anything but text", () => {
    for (const input of [
      { amount: "1.005", currency: "EUR" },
      { amount: "1.5", currency: "JPY" },
      { amount: 1.5, currency: "EUR" },
      { amount: "1e3", currency: "EUR" },
      { amount: "0x10", currency: "EUR" },
      { amount: " 1", currency: "EUR" },
      { amount: "", currency: "EUR" },
      { amount: "999999999999999999.99", currency: "EUR" },
      { amount: "1", currency: "EURO" },
      { amount: "1", currency: "eur" },
      { amount: "1" },
      "1 EUR",
    ])
      assert.equal(Money.parse(input).ok, false, JSON.stringify(input));
  });

  test("says where it is wrong", () => {
    const wrong = (amount: string, message: string) => {
      assert.deepEqual(Money.parse({ amount, currency: "EUR" }), unruly(message, "/amount"));
    };
    wrong("1.005", "must have at most 2 digits after the point in EUR");
    wrong("92233720368547758.08", "is too much");
    wrong("-92233720368547758.08", "is too much");
    const most = 9_223_372_036_854_775_807n;
    assert.equal(money("92233720368547758.07", "EUR").minor, most);
    assert.equal(money("-92233720368547758.07", "EUR").minor, -most);
    assert.throws(() => Money.decimals("ABC" as Currency), /ABC is no currency/);
  });

  test("knows the currencies of ISO 4217 that are in use, by their digits", () => {
    const withDigits = (digits: number) => codes.filter((code) => Money.decimals(code) === digits);
    assert.deepEqual(withDigits(4), ["CLF", "UYW"]);
    assert.deepEqual(withDigits(3), ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]);
    assert.equal(withDigits(0).length, 16);
    assert.equal(withDigits(2).length, 132);
    for (const code of ["AED", "DKK", "EUR", "GYD", "INR", "MGA", "PLN", "TOP", "USD", "ZMW"])
      assert.equal(Money.decimals(currency(code)), 2, code);
  });

  test("refuses to add two currencies", () => {
    const refused = err({ type: "currency-mismatch", expected: "EUR", actual: "USD" });
    assert.deepEqual(Money.plus(money("1", "EUR"), money("1", "USD")), refused);
    assert.deepEqual(Money.minus(money("1", "EUR"), money("1", "USD")), refused);
  });

  test("adds and takes away without a loss", () => {
    fc.assert(
      fc.property(amounts, fc.bigInt(), (amount, more) => {
        const other = Money.of(more, amount.currency);
        const sum = expect(Money.plus(amount, other));
        assert.deepEqual(Money.minus(sum, other), ok(amount));
      }),
    );
    assert.deepEqual(Money.times(money("0.10", "EUR"), 3), money("0.30", "EUR"));
    assert.equal(Money.isNegative(money("-0.01", "EUR")), true);
    assert.equal(Money.isNegative(money("0.00", "EUR")), false);
  });
});
