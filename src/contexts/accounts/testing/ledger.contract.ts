import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CivilDate } from "#kernel/civil-date.ts";
import { Instant } from "#kernel/instant.ts";
import { err, expect } from "#kernel/result.ts";
import { newId } from "#test/values.ts";
import { ReverseEntry } from "../application/ledger/post-entry.ts";
import { GetEntry, GetStatement, GetTrialBalance } from "../application/ledger/read-ledger.ts";
import { Permissions } from "../application/permission.ts";
import { AccountId, EntryId } from "../domain/ids.ts";
import { eur, openBank, read, type Bank, type OpenAccounts } from "./fixtures.ts";

const dayMs = 86_400_000;

const reverse = (bank: Bank, entryId: string, more: object = {}) =>
  bank.accounts.reverseEntry(read(ReverseEntry, { entryId, ...more }), bank.as(bank.keeperId));

/** The contract of the journal, for every adapter of its repository. */
export function ledgerContract(name: string, open: OpenAccounts): void {
  async function given() {
    const bank = await openBank(open);
    const account = await bank.opened(bank.adaId);
    return { ...bank, id: account.id };
  }

  describe(`the journal on ${name}`, () => {
    test("an entry moves the money of its accounts, and can be read", async () => {
      await using bank = await given();
      const { accounts, as, keeperId, id, equity, post, balance, now } = bank;
      const postings = [
        { accountId: id, amount: eur("12.00") },
        { accountId: equity.id, amount: eur("-12.00") },
        { accountId: id, amount: eur("-2.00") },
        { accountId: equity.id, amount: eur("2.00") },
      ];
      const posted = expect(await post(postings, { memo: "opening", tags: ["start"] }));
      assert.deepEqual(await balance(id), [1_000n, 0n, 1_000n]);
      assert.deepEqual(await balance(equity.id), [-1_000n, 0n, undefined]);
      const get = read(GetEntry, { entryId: posted.id });
      const found = expect(await accounts.getEntry(get, as(keeperId)));
      assert.deepEqual(found, { ...posted, version: 1, recordedAt: now(), isReversed: false });
    });

    test("entries that do not balance, or of accounts that do not take them, are refused", async () => {
      await using bank = await given();
      const { adaId, id, equity, post } = bank;
      const both = (plus: object, minus: object) => [
        { accountId: id, amount: plus },
        { accountId: equity.id, amount: minus },
      ];
      const invalid = (reason: string, more: object = {}) =>
        err({ type: "postings-invalid", reason, ...more });
      const [first] = both(eur("1"), eur("-1"));
      assert.deepEqual(await post([first ?? {}]), invalid("too-few"));
      assert.deepEqual(await post(both(eur("0"), eur("0"))), invalid("zero-amount"));
      const large = "1000000000000000.01";
      assert.deepEqual(await post(both(eur(large), eur(`-${large}`))), invalid("too-large"));
      assert.deepEqual(
        await post(both(eur("1"), eur("-1.01"))),
        invalid("unbalanced", { sums: [eur("-0.01")] }),
      );
      const usd = { amount: "-1", currency: "USD" };
      assert.deepEqual(
        await post(both(eur("1"), usd)),
        invalid("unbalanced", { sums: [eur("1.00"), { amount: "-1.00", currency: "USD" }] }),
      );
      const unknown = newId(AccountId);
      assert.deepEqual(
        await post([...both(eur("1"), eur("-2")), { accountId: unknown, amount: eur("1") }]),
        err({ type: "account-not-found", accountId: unknown }),
      );
      assert.deepEqual(
        await post(both(eur("-1"), eur("1"))),
        err({ type: "insufficient-funds", accountId: id, available: eur("0.00") }),
      );
      assert.deepEqual(
        await post(both(eur("1"), eur("-1")), {}, adaId),
        err({ type: "forbidden", permission: Permissions.postEntry }),
      );
    });

    test("the book counts no more than it can", async () => {
      await using bank = await given();
      const { id, fund, post, equity } = bank;
      const most = "1000000000000000";
      for (let i = 0; i < 10; i += 1) await fund(id, most);
      const postings = [
        { accountId: id, amount: eur("0.01") },
        { accountId: equity.id, amount: eur("-0.01") },
      ];
      assert.deepEqual(await post(postings), err({ type: "balance-too-large", accountId: id }));
    });

    test("an entry is dated neither before its accounts nor ahead", async () => {
      await using bank = await given();
      const { id, equity, post, clock, balance, now } = bank;
      const postings = [
        { accountId: id, amount: eur("1") },
        { accountId: equity.id, amount: eur("-1") },
      ];
      const day = (days: number) => CivilDate.ofInstant(Instant.plus(now(), days * dayMs));
      const dated = (days: number) => post(postings, { date: day(days) });
      const refused = (reason: string) => err({ type: "date-invalid", reason });
      assert.deepEqual(await dated(-1), refused("before-opening"));
      assert.deepEqual(await dated(2), refused("in-the-future"));
      const [first, second] = [day(0), day(1)];
      expect(await dated(1));
      clock.advance(3 * dayMs);
      expect(await dated(-2));
      expect(await dated(0));
      const on = async (date: string) => (await balance(id, { on: date }))[0];
      assert.deepEqual([await on(first), await on(second), await on(day(0))], [0n, 200n, 300n]);
    });

    test("a reversal undoes an entry once, and only where the money is still there", async () => {
      await using bank = await given();
      const { accounts, as, adaId, keeperId, id, fund, pay, equity, balance } = bank;
      const entry = await fund(id, "10");
      expect(await pay(adaId, id, equity.id, "4"));
      assert.deepEqual(
        await reverse(bank, entry.id),
        err({ type: "insufficient-funds", accountId: id, available: eur("6.00") }),
      );
      await fund(id, "4");
      const reversal = expect(await reverse(bank, entry.id, { memo: "by mistake" }));
      assert.deepEqual([reversal.reverses, reversal.memo], [entry.id, "by mistake"]);
      assert.deepEqual(await balance(id), [0n, 0n, 0n]);
      const refused = (reason: string) => err({ type: "not-reversible", reason });
      assert.deepEqual(await reverse(bank, entry.id), refused("is-reversed"));
      assert.deepEqual(await reverse(bank, reversal.id), refused("is-a-reversal"));
      const unknown = newId(EntryId);
      assert.deepEqual(
        await reverse(bank, unknown),
        err({ type: "entry-not-found", entryId: unknown }),
      );
      const get = (entryId: string) => accounts.getEntry(read(GetEntry, { entryId }), as(keeperId));
      assert.equal(expect(await get(entry.id)).isReversed, true);
      assert.deepEqual(await get(unknown), err({ type: "entry-not-found", entryId: unknown }));
    });

    test("a reversal gives back in the opposite order, so that each finds its money", async () => {
      await using bank = await given();
      const { adaId, keeperId, id, opened, fund, transfer, balance } = bank;
      const [second, third] = [await opened(adaId), await opened(adaId)];
      await fund(id, "100");
      const legs = [
        { from: id, to: second.id, amount: eur("100") },
        { from: second.id, to: third.id, amount: eur("60") },
      ];
      const { transfer: made } = expect(await transfer(keeperId, { legs }));
      assert.ok(made.status === "posted");
      expect(await reverse(bank, made.entryId));
      assert.deepEqual(await balance(id), [10_000n, 0n, 10_000n]);
    });

    test("two reversals at once are one", async () => {
      await using bank = await given();
      const { id, fund } = bank;
      const entry = await fund(id, "10");
      await fund(id, "10");
      const outcomes = await Promise.all([reverse(bank, entry.id), reverse(bank, entry.id)]);
      assert.equal(outcomes.filter((outcome) => outcome.ok).length, 1);
    });

    test("a statement has the balance after each posting, from either end", async () => {
      await using bank = await given();
      const { accounts, as, adaId, id, equity, fund, pay, clock, now } = bank;
      await fund(id, "10");
      expect(await pay(adaId, id, equity.id, "5", { holdS: 60 })); // moves nothing
      clock.advance(1_000);
      const later = now();
      await fund(id, "20");
      expect(await pay(adaId, id, equity.id, "3", { memo: "fee" }));
      const lines = async (more: object) => {
        const page = expect(
          await accounts.getStatement(read(GetStatement, { accountId: id, ...more }), as(adaId)),
        );
        return {
          next: page.nextCursor,
          items: page.items.map(({ amount, balance }) => [amount.minor, balance.minor]),
          last: page.items.at(-1),
        };
      };
      const [a, b, c] = [
        [1_000n, 1_000n],
        [2_000n, 3_000n],
        [-300n, 2_700n],
      ];
      const all = await lines({});
      assert.deepEqual([all.items, all.next], [[c, b, a], undefined]);
      const oldest = await lines({ order: "oldest", limit: 2 });
      assert.deepEqual(oldest.items, [a, b]);
      const rest = await lines({ order: "oldest", limit: 2, cursor: oldest.next });
      assert.deepEqual([rest.items, rest.next, rest.last?.memo], [[c], undefined, "fee"]);
      const newest = await lines({ limit: 1 });
      assert.deepEqual((await lines({ limit: 1, cursor: newest.next })).items, [b]);
      assert.deepEqual((await lines({ from: later })).items, [c, b]);
      assert.deepEqual((await lines({ until: later })).items, [a]);
    });

    test("the past is told as it was recorded, and sums to zero at every instant", async () => {
      await using bank = await given();
      const { accounts, as, adaId, keeperId, id, equity, fund, pay, clock, now, balance } = bank;
      const moments = [];
      for (const amount of ["1", "2", "3"]) {
        await fund(id, amount);
        moments.push(now());
        clock.advance(10);
      }
      expect(await pay(adaId, id, equity.id, "1", { holdS: 60 }));
      moments.push(now());
      const then = await Promise.all(moments.map((at) => balance(id, { at: Instant.plus(at, 1) })));
      assert.deepEqual(
        then.map(([posted, held]) => [posted, held]),
        [
          [100n, 0n],
          [300n, 0n],
          [600n, 0n],
          [600n, 100n],
        ],
      );
      const trial = async (more: object) =>
        expect(await accounts.getTrialBalance(read(GetTrialBalance, more), as(keeperId)));
      for (const at of moments) assert.equal((await trial({ at })).totals[0]?.minor, 0n);
      const first = await trial({ at: moments[0], limit: 1 });
      assert.deepEqual(first.items, [{ accountId: equity.id, currency: "EUR", posted: -100n }]);
      const second = await trial({ at: moments[0], limit: 1, cursor: first.nextCursor });
      assert.deepEqual(second.items, [{ accountId: id, currency: "EUR", posted: 100n }]);
      assert.deepEqual(
        await accounts.getTrialBalance({}, as(adaId)),
        err({ type: "forbidden", permission: Permissions.readLedger }),
      );
      assert.deepEqual(
        await accounts.getEntry(read(GetEntry, { entryId: newId(EntryId) }), as(adaId)),
        err({ type: "forbidden", permission: Permissions.readEntry }),
      );
    });

    test("a clock that steps back records nothing before what there is", async () => {
      await using bank = await given();
      const { id, fund, clock, now, balance } = bank;
      await fund(id, "1");
      const noon = now();
      clock.advance(-1_000);
      await fund(id, "2");
      assert.deepEqual((await balance(id, { at: Instant.plus(noon, -1) }))[0], 0n);
      clock.advance(2_000);
      assert.deepEqual((await balance(id, { at: noon }))[0], 300n);
    });
  });
}
