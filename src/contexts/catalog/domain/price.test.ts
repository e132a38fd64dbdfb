import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, test } from "node:test";
import { Money } from "#kernel/money.ts";
import { err, expect } from "#kernel/result.ts";
import { Version } from "#kernel/version.ts";
import { afterMinutes as at, newId } from "#test/values.ts";
import { types } from "../testing/events.ts";
import { PriceId } from "./ids.ts";
import { PriceList } from "./price-list.ts";
import { Prices, type Price } from "./price.ts";
import { Quantity } from "./quantity.ts";
import { Sku } from "./sku.ts";

const quantity = (n: number) => expect(Quantity.parse(n));

const sku = expect(Sku.parse("ts-red-m"));

describe("prices", () => {
  const none: Prices = { sku, prices: [], version: Version.none };
  const price = (amount: string, from: number, until?: number): Price => ({
    id: newId(PriceId),
    sku,
    list: PriceList.standard,
    minimumQuantity: quantity(1),
    price: expect(Money.parse({ amount, currency: "EUR" })),
    validFrom: at(from),
    ...(until === undefined ? {} : { validUntil: at(until) }),
  });
  const with_ = (...prices: readonly Price[]) =>
    prices.reduce((all, next) => expect(Prices.set(all, next, at(0))).state, none);

  test("without an end give way to one that begins later", () => {
    const first = price("10", 0);
    const change = expect(Prices.set(with_(first), price("12", 5), at(0)));
    assert.deepEqual(types(change.events), ["catalog.price-ended", "catalog.price-set"]);
    assert.equal(change.state.prices[0]?.validUntil, at(5));
    const alone = expect(Prices.set(none, first, at(0)));
    assert.deepEqual(types(alone.events), ["catalog.price-set"]);
  });

  test("of the past do not change", () => {
    const known = with_(price("10", 0));
    const refused = err({ type: "price-invalid", reason: "changes-the-past" });
    assert.deepEqual(Prices.set(known, price("99", 5), at(6)), refused);
    assert.equal(Prices.set(known, price("99", 6), at(6)).ok, true);
    assert.equal(Prices.set(none, price("99", 5), at(6)).ok, true);
  });

  test("that overlap are refused", () => {
    const later = price("10", 10, 20);
    for (const rival of [price("9", 15), price("9", 0, 11), price("9", 10), price("9", 12, 13)])
      assert.deepEqual(
        Prices.set(with_(later), rival, at(0)),
        err({ type: "price-overlaps", priceId: later.id }),
      );
    for (const beside of [
      price("9", 20, 30),
      price("9", 0, 10),
      { ...price("9", 15), minimumQuantity: quantity(10) },
      { ...price("9", 15), list: expect(PriceList.parse("wholesale")) },
      { ...price("9", 15), price: expect(Money.parse({ amount: "9", currency: "USD" })) },
    ])
      assert.equal(Prices.set(with_(later), beside, at(0)).ok, true);
  });

  test("are not negative, and end after they begin", () => {
    const invalid = (reason: string) => err({ type: "price-invalid", reason });
    assert.deepEqual(Prices.set(none, price("-0.01", 0), at(0)), invalid("negative"));
    assert.deepEqual(Prices.set(none, price("1", 5, 5), at(0)), invalid("ends-before-it-begins"));
    const open = price("1", 5);
    const end = (until: number, now = 0) =>
      Prices.end(with_(open), open.id, { until: at(until), now: at(now) });
    assert.deepEqual(types(expect(end(6)).events), ["catalog.price-ended"]);
    assert.deepEqual(end(5, 5), invalid("ends-before-it-begins"));
    const withdrawn = expect(end(5));
    assert.deepEqual(types(withdrawn.events), ["catalog.price-withdrawn"]);
    assert.deepEqual(withdrawn.state.prices, []);
    const bounded = price("1", 0, 5);
    const both = Prices.end(with_(bounded, open), open.id, { until: at(5), now: at(0) });
    assert.deepEqual(expect(both).state.prices, [bounded]);
    const late = Prices.end(with_(bounded), bounded.id, { until: at(5), now: at(0) });
    assert.deepEqual(late, invalid("has-ended"));
    assert.deepEqual(end(6, 7), invalid("has-ended"));
    const unknown = Prices.end(none, open.id, { until: at(1), now: at(0) });
    assert.deepEqual(unknown, err({ type: "price-not-found" }));
  });

  test("never overlap, whatever is set", () => {
    const set = fc.tuple(
      fc.integer({ min: 0, max: 30 }),
      fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
    );
    fc.assert(
      fc.property(fc.array(set, { maxLength: 20 }), (wanted) => {
        let all = none;
        for (const [from, length] of wanted) {
          const outcome = Prices.set(all, price("1", from, length && from + length), at(0));
          if (outcome.ok) all = outcome.value.state;
        }
        for (let minute = 0; minute < 60; minute += 1) {
          const valid = all.prices.filter(
            ({ validFrom, validUntil }) =>
              validFrom <= at(minute) && (validUntil === undefined || at(minute) < validUntil),
          );
          assert.ok(valid.length <= 1);
        }
      }),
    );
  });
});
