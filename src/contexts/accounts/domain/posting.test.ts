import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Money, type Currency } from "#kernel/money.ts";
import { err } from "#kernel/result.ts";
import { newId } from "#test/values.ts";
import { AccountId } from "./ids.ts";
import { maxMinor, maxPostings, Postings } from "./posting.ts";

const posting = (minor: bigint, currency = "EUR") => ({
  accountId: newId(AccountId),
  amount: Money.of(minor, currency as Currency),
});
const refused = (reason: string, more: object = {}) =>
  err({ type: "postings-invalid", reason, ...more });

test("postings are balanced if they sum to zero in each currency", () => {
  const amounts = fc.array(
    fc.record({
      minor: fc.bigInt({ min: 1n, max: maxMinor }),
      currency: fc.constantFrom("EUR", "JPY", "KWD"),
    }),
    { minLength: 1, maxLength: 20 },
  );
  fc.assert(
    fc.property(amounts, (all) => {
      const postings = all.flatMap(({ minor, currency }) => [
        posting(minor, currency),
        posting(-minor, currency),
      ]);
      assert.equal(Postings.balanced(postings).ok, true);
      assert.equal(Postings.balanced(Postings.reversed(postings)).ok, true);
      assert.deepEqual(Postings.reversed(Postings.reversed(postings)), postings);
    }),
  );
});

test("postings that miss zero are refused with what they miss it by", () => {
  assert.deepEqual(
    Postings.balanced([posting(5n), posting(-4n), posting(1n, "JPY"), posting(-1n, "KWD")]),
    refused("unbalanced", {
      sums: [
        { amount: "0.01", currency: "EUR" },
        { amount: "1", currency: "JPY" },
        { amount: "-0.001", currency: "KWD" },
      ],
    }),
  );
});

test("too few, too many, empty and huge postings are refused", () => {
  assert.deepEqual(Postings.balanced([posting(0n)]), refused("too-few"));
  assert.deepEqual(Postings.balanced([posting(0n), posting(0n)]), refused("zero-amount"));
  const huge = maxMinor + 1n;
  assert.deepEqual(Postings.balanced([posting(huge), posting(-huge)]), refused("too-large"));
  const many = Array.from({ length: maxPostings / 2 }, () => [posting(1n), posting(-1n)]).flat();
  assert.equal(Postings.balanced(many).ok, true);
  const more = [...many, posting(1n), posting(-1n)];
  assert.deepEqual(Postings.balanced(more), refused("too-many"));
});
