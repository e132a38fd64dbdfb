import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Money, Rate, type Currency } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import { newId, start } from "#test/values.ts";
import { Exchange } from "./exchange.ts";
import { AccountId } from "./ids.ts";
import { QuoteSource } from "./labels.ts";
import { Postings } from "./posting.ts";

const source = expect(QuoteSource.parse("chance"));
const [from, trading] = [newId(AccountId), { sold: newId(AccountId), bought: newId(AccountId) }];
const [yen, dinar] = ["JPY", "KWD"] as [Currency, Currency];

test("the postings of an exchange balance in both currencies, whatever the rate and the shares", () => {
  const rates = fc.integer({ min: 1, max: 10 ** 9 }).map((n) => expect(Rate.parse(`${n}.5`)));
  const shares = fc.array(fc.bigInt({ min: 1n, max: 1_000_000n }), {
    minLength: 1,
    maxLength: 100,
  });
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: 10_000n }), rates, shares, (minor, rate, all) => {
      const quote = { rate, source, quotedAt: start, now: start };
      const exchange = expect(Exchange.agree(Money.of(minor, yen), dinar, quote));
      const receivers = all.map((share) => ({ accountId: newId(AccountId), share }));
      const postings = expect(Exchange.postings(exchange, from, receivers, trading));
      assert.equal(Postings.balanced(postings).ok, true);
      assert.equal(Exchange.pair(exchange), "JPY/KWD");
    }),
  );
});
