import assert from "node:assert/strict";
import { describe, test } from "node:test";
import codesOf from "currency-codes";
import { Decimal as Oracle } from "decimal.js";
import fc from "fast-check";
import { Currency, Money, Rate } from "./money.ts";
import { err, expect, ok } from "./result.ts";
import { unruly } from "./shape.ts";

const currency = (code: string) => expect(Currency.parse(code));
const money = (amount: string, code: string) =>
  expect(Money.parse({ amount, currency: currency(code) }));
const codes = (Currency.schema["enum"] as readonly string[]).map(currency);
const amounts = fc
  .tuple(fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }), fc.constantFrom(...codes))
  .map(([minor, code]) => Money.of(minor, code));
const rates = fc
  .tuple(fc.bigInt({ min: 0n, max: 10n ** 6n }), fc.integer({ min: 1, max: 999_999 }))
  .map(([whole, fraction]) => expect(Rate.parse(`${whole}.${String(fraction).padStart(6, "0")}`)));

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

  test("has the digits that ISO 4217 says, for all currencies of the list", () => {
    const listed = codes.flatMap((code) => codesOf.code(code) ?? []);
    assert.ok(listed.length >= 150, `${listed.length} are listed`);
    const ours = listed.map(({ code }) => [code, Money.decimals(currency(code))]);
    assert.deepEqual(
      ours,
      listed.map(({ code, digits }) => [code, digits]),
    );
  });

  test("a conversion there and back over the same rate is rounded once, and changes nothing", () => {
    const rates = fc.stringMatching(/^[1-9]\d{0,5}(\.\d{1,12})?$/);
    const amounts = fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n });
    fc.assert(
      fc.property(amounts, rates, (minor, text) => {
        const [rate, usd] = [expect(Rate.parse(text)), currency("USD")];
        const steps = [false, true].map((isInverse) => ({ rate, isInverse }));
        assert.equal(Money.over(Money.of(minor, usd), steps, usd).minor, minor);
      }),
    );
  });

  test("is read, spelled, added and converted as an oracle does it", () => {
    const oracle = Oracle.clone({ precision: 60, rounding: Oracle.ROUND_HALF_EVEN });
    const decimalOf = (amount: Money) => new oracle(Money.spell(amount).amount);
    const spelled = (exact: Oracle, { currency: code }: Money) =>
      exact.toFixed(Money.decimals(code));
    fc.assert(
      fc.property(amounts, amounts, rates, (a, b, rate) => {
        const other = Money.of(b.minor, a.currency);
        const sum = Money.of(a.minor + other.minor, a.currency);
        assert.equal(spelled(decimalOf(a).plus(decimalOf(other)), a), Money.spell(sum).amount);
        assert.deepEqual(Money.plus(a, other), ok(sum));
        const into = Money.converted(a, rate, b.currency);
        const exact = decimalOf(a).times(rate).toDecimalPlaces(Money.decimals(b.currency));
        assert.ok(decimalOf(into).equals(exact), `${Money.spell(a).amount} at ${rate}`);
      }),
    );
    const rate = expect(Rate.parse("0.5"));
    const yen = (minor: bigint) =>
      Money.converted(Money.of(minor, currency("JPY")), rate, currency("JPY"));
    assert.deepEqual(
      [1n, 3n, -1n, -3n].map((minor) => yen(minor).minor),
      [0n, 2n, 0n, -2n],
    );
  });

  test("rates are positive decimal numbers", () => {
    for (const text of ["0", "0.000", "-1", "1e3", "NaN", "01", "1.", ".5", "", "0.0000000000001"])
      assert.equal(Rate.parse(text).ok, false, text);
    for (const text of ["1", "0.000000000001", "999999999999.999999999999", "10"])
      assert.equal(Rate.parse(text).ok, true, text);
  });

  test("is split into parts that add up, none further than a unit from its share", () => {
    const weights = fc.array(fc.bigInt({ min: 0n, max: 1_000n }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(amounts, weights, (amount, shares) => {
        const total = shares.reduce((sum, weight) => sum + weight, 0n);
        const parts = Money.allocate(amount, shares);
        if (total === 0n) return assert.deepEqual(parts, err({ type: "weights-invalid" }));
        const minors = expect(parts).map(({ minor }) => minor);
        assert.equal(
          minors.reduce((sum, minor) => sum + minor, 0n),
          amount.minor,
        );
        for (const [i, minor] of minors.entries()) {
          const off = minor * total - amount.minor * (shares[i] ?? 0n);
          assert.ok(off < total && off > -total);
        }
        return undefined;
      }),
    );
    const parts = (minor: bigint, ...shares: readonly bigint[]) =>
      expect(Money.allocate(Money.of(minor, currency("EUR")), shares)).map((part) => part.minor);
    assert.deepEqual(parts(100n, 1n, 1n, 1n), [34n, 33n, 33n]);
    assert.deepEqual(parts(-100n, 1n, 1n, 1n), [-34n, -33n, -33n]);
    assert.deepEqual(parts(10n, 50n, 30n, 15n, 5n), [5n, 3n, 2n, 0n]);
    assert.deepEqual(parts(1n, 1n, 2n), [0n, 1n]);
    assert.deepEqual(
      Money.allocate(money("1", "EUR"), [2n, -1n]),
      err({ type: "weights-invalid" }),
    );
  });
});
