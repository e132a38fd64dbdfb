import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { saved } from "#kernel/change.ts";
import { CivilDate } from "#kernel/civil-date.ts";
import { Money, type Currency } from "#kernel/money.ts";
import { err, expect, ok } from "#kernel/result.ts";
import { afterMinutes, newId, start } from "#test/values.ts";
import { maxBalance, type Funded } from "./account.ts";
import { AccountId, EntryId, TransferId } from "./ids.ts";
import { AccountName, Memo } from "./labels.ts";
import { Ledger } from "./ledger.ts";
import { Postings } from "./posting.ts";
import { Transfer, type Leg } from "./transfer.ts";

const eur = (minor: bigint) => Money.of(minor, "EUR" as Currency);
const [a, b, c] = [newId(AccountId), newId(AccountId), newId(AccountId)];
const leg = (from: AccountId, to: AccountId, minor: bigint): Leg => ({
  from,
  to,
  amount: eur(minor),
});
const terms = (...legs: readonly Leg[]) => ({
  id: newId(TransferId),
  legs,
  tags: [],
  madeBy: "ada",
});
const posting = { entryId: newId(EntryId), date: CivilDate.ofInstant(start) };

const accounts = (posted: bigint, overdraft = 0n) =>
  new Map(
    [a, b, c].map((id): [AccountId, Funded] => [
      id,
      {
        id,
        name: expect(AccountName.parse("Everyday")),
        type: "checking",
        currency: "EUR" as Currency,
        status: "active",
        overdraft,
        openedAt: start,
        version: 1 as Funded["version"],
        posted,
        held: 0n,
      },
    ]),
  );

test("the movements of a transfer sum to zero", () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt({ min: 1n, max: 10n ** 17n }), { minLength: 1 }), (amounts) => {
      const legs = amounts.map((minor) => leg(newId(AccountId), newId(AccountId), minor));
      const made = Transfer.make(expect(Transfer.checked(terms(...legs))), posting);
      assert.equal(Postings.balanced(Transfer.movements.atOnce(made.state)).ok, true);
    }),
  );
});

test("whatever becomes of a hold, what was held is free in the end", () => {
  const cents = fc.bigInt({ min: 1n, max: 100n });
  fc.assert(
    fc.property(cents, cents, fc.constantFrom("post", "void", "expire"), (held, part, how) => {
      const hold = saved(Transfer.hold(terms(leg(a, b, held)), afterMinutes(1)));
      const pending = expect(Ledger.move(accounts(100n), Transfer.movements.held(hold)));
      assert.deepEqual([pending.get(a)?.posted, pending.get(a)?.held], [100n, held]);
      const posted = how === "post" ? Transfer.post(hold, eur(part), posting) : undefined;
      if (posted && !posted.ok) {
        assert.ok(part > held && posted.error.reason === "above-hold");
        return;
      }
      const movements = posted
        ? Transfer.movements.fromHold(posted.value.state)
        : Transfer.movements.freed(hold);
      const after = expect(Ledger.move(pending, movements));
      const moved = posted ? part : 0n;
      assert.deepEqual([after.get(a)?.posted, after.get(a)?.held], [100n - moved, 0n]);
      assert.equal(after.get(b)?.posted, 100n + moved);
    }),
  );
});

test("a repeated id is the same transfer, or names what differs", () => {
  const memo = expect(Memo.parse("rent"));
  const said = { ...terms(leg(a, b, 5n)), memo };
  const made = saved(Transfer.make(said, posting));
  const repeated = (more: object) => Transfer.repeated(made, { ...said, ...more });
  assert.deepEqual(repeated({}), ok(made));
  const differs = (more: object) => {
    const outcome = repeated(more);
    return outcome.ok ? [] : outcome.error.differs;
  };
  assert.deepEqual(differs({ legs: [leg(a, b, 6n)] }), ["legs"]);
  assert.deepEqual(differs({ memo: undefined, madeBy: "bob" }), ["memo", "maker"]);
  assert.deepEqual(differs({ tags: ["x"], holdS: 60 }), ["tags", "holdS"]);
  assert.deepEqual(differs({ date: posting.date }), ["date"]);
  const held = { ...said, holdS: 60 };
  const hold = saved(Transfer.hold(held, afterMinutes(1)));
  for (const later of [
    hold,
    saved(Transfer.void(hold)),
    saved(expect(Transfer.post(hold, undefined, posting))),
  ])
    assert.deepEqual(Transfer.repeated(later, held), ok(later));
});

test("a hold is pending until its time, and until it is resolved", () => {
  const hold = saved(Transfer.hold(terms(leg(a, b, 5n)), afterMinutes(1)));
  assert.deepEqual(Transfer.pending(hold, start), ok(hold));
  const over = (status: string) => err({ type: "transfer-resolved", status });
  assert.deepEqual(Transfer.pending(hold, afterMinutes(1)), over("expired"));
  assert.deepEqual(Transfer.pending(saved(Transfer.void(hold)), start), over("voided"));
  assert.deepEqual(Transfer.pending(saved(Transfer.expire(hold)), start), over("expired"));
});

test("money that is not there is not moved, whatever comes later", () => {
  const round = Transfer.make(terms(leg(a, b, 7n), leg(b, c, 7n), leg(c, a, 7n)), posting).state;
  const refused = Ledger.move(accounts(6n), Transfer.movements.atOnce(round));
  const available = { amount: "0.06", currency: "EUR" };
  assert.deepEqual(refused, err({ type: "insufficient-funds", accountId: a, available }));
  assert.equal(Ledger.move(accounts(7n), Transfer.movements.atOnce(round)).ok, true);
  assert.equal(Ledger.move(accounts(0n, 7n), Transfer.movements.atOnce(round)).ok, true);
});

test("an account counts no further than its limit", () => {
  const full = accounts(maxBalance);
  const one = Transfer.movements.atOnce(Transfer.make(terms(leg(a, b, 1n)), posting).state);
  assert.deepEqual(Ledger.move(full, one), err({ type: "balance-too-large", accountId: b }));
});
