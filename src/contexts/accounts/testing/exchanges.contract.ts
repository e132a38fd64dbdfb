import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Instant } from "#kernel/instant.ts";
import { err, expect } from "#kernel/result.ts";
import { newId } from "#test/values.ts";
import { EditAccount } from "../application/accounts/change-account.ts";
import { ListAccounts } from "../application/accounts/read-accounts.ts";
import { MakeExchange } from "../application/ledger/make-exchange.ts";
import { ReverseEntry } from "../application/ledger/post-entry.ts";
import { GetEntry, GetTrialBalance } from "../application/ledger/read-ledger.ts";
import { Permissions } from "../application/permission.ts";
import { AccountId } from "../domain/ids.ts";
import { eur, openBank, read, type Bank, type OpenAccounts } from "./fixtures.ts";

const usd = (amount: string) => ({ amount, currency: "USD" });

/** The contract of exchanges, for every adapter of the repositories. */
export function exchangesContract(name: string, open: OpenAccounts): void {
  /** A bank where Ada has 100 EUR, and an account for USD. */
  async function given() {
    const bank = await openBank(open);
    const euros = (await bank.opened(bank.adaId)).id;
    const dollars = (await bank.opened(bank.adaId, { currency: "USD" })).id;
    await bank.fund(euros, "100");
    const exchange = async (more: object = {}, actor: string = bank.keeperId) =>
      bank.accounts.makeExchange(
        read(MakeExchange, {
          from: euros,
          amount: eur("10.01"),
          to: [{ accountId: dollars }],
          rate: "1.0837",
          source: "ECB reference rate",
          quotedAt: bank.now(),
          ...more,
        }),
        bank.as(actor),
      );
    return { ...bank, euros, dollars, exchange };
  }
  const tradingOf = async ({ accounts, as, keeperId }: Bank) => {
    const all = read(ListAccounts, { of: "everybody", limit: 100 });
    const { items } = expect(await accounts.listAccounts(all, as(keeperId)));
    return items.filter(({ type }) => type === "trading");
  };

  describe(`exchanges on ${name}`, () => {
    test("money of one currency becomes money of another, through the accounts of the pair", async () => {
      await using bank = await given();
      const { euros, dollars, exchange, balance, accounts, as, keeperId, now } = bank;
      const entry = expect(await exchange({ memo: "holidays" }));
      assert.deepEqual(entry.exchange, {
        sold: { minor: 1_001n, currency: "EUR" },
        bought: { minor: 1_085n, currency: "USD" }, // 10.847837
        rate: "1.0837",
        source: "ECB reference rate",
        quotedAt: now(),
      });
      assert.deepEqual(await balance(euros), [8_999n, 0n, 8_999n]);
      assert.deepEqual(await balance(dollars), [1_085n, 0n, 1_085n]);
      const trading = await tradingOf(bank);
      assert.deepEqual(
        trading.map(({ currency, pair, name: called, posted }) => [currency, pair, called, posted]),
        [
          ["EUR", "EUR/USD", "EUR/USD", 1_001n],
          ["USD", "EUR/USD", "EUR/USD", -1_085n],
        ],
      );
      const found = await accounts.getEntry(read(GetEntry, { entryId: entry.id }), as(keeperId));
      assert.deepEqual(expect(found).exchange, entry.exchange);

      const back = { from: dollars, amount: usd("10.85"), to: [{ accountId: euros }], rate: "0.9" };
      assert.equal(expect(await exchange(back)).exchange?.bought.minor, 976n); // 9.765, to the even unit
      assert.equal((await tradingOf(bank)).length, 2);
      const trial = await accounts.getTrialBalance(read(GetTrialBalance, {}), as(keeperId));
      assert.ok(expect(trial).totals.every(({ minor }) => minor === 0n));
    });

    test("what is bought is shared without a remainder", async () => {
      await using bank = await given();
      const { adaId, opened, exchange, balance } = bank;
      const ids = await Promise.all(
        Array.from({ length: 3 }, async () => (await opened(adaId, { currency: "USD" })).id),
      );
      const to = ids.map((accountId) => ({ accountId }));
      expect(await exchange({ amount: eur("1.00"), rate: "1", to }));
      const shares = await Promise.all(ids.map(async (id) => (await balance(id))[0]));
      assert.deepEqual(shares, [34n, 33n, 33n]);
      const [first, second, third] = ids;
      const unequal = [
        { accountId: first, share: 99_999 },
        { accountId: second, share: 1 },
      ];
      expect(await exchange({ amount: eur("0.10"), rate: "1", to: unequal }));
      assert.deepEqual(
        [(await balance(first ?? ""))[0], (await balance(second ?? ""))[0]],
        [44n, 33n],
      );
      assert.deepEqual(await balance(third ?? ""), [33n, 0n, 33n]);
    });

    test("what cannot be exchanged is refused", async () => {
      await using bank = await given();
      const { adaId, euros, opened, exchange, now } = bank;
      const invalid = (reason: string) => err({ type: "exchange-invalid", reason });
      assert.deepEqual(await exchange({ to: [] }), invalid("no-receivers"));
      assert.deepEqual(await exchange({ to: [{ accountId: euros }] }), invalid("same-currency"));
      assert.deepEqual(await exchange({ amount: eur("-1") }), invalid("not-positive"));
      assert.deepEqual(await exchange({ amount: eur("0") }), invalid("not-positive"));
      assert.deepEqual(await exchange({ rate: "0.0001" }), invalid("buys-nothing"));
      assert.deepEqual(
        await exchange({ amount: eur("1000.01"), rate: "999999999999" }),
        invalid("too-large"),
      );
      const ahead = Instant.plus(now(), 60_001);
      assert.deepEqual(await exchange({ quotedAt: ahead }), invalid("quoted-ahead"));
      const nowhere = newId(AccountId);
      const unknown = err({ type: "account-not-found", accountId: nowhere });
      assert.deepEqual(await exchange({ to: [{ accountId: nowhere }] }), unknown);
      assert.deepEqual(await exchange({ from: nowhere }), unknown);
      assert.deepEqual(
        await exchange({ amount: eur("100.01") }),
        err({ type: "insufficient-funds", accountId: euros, available: eur("100.00") }),
      );
      const yen = await opened(adaId, { currency: "JPY" });
      const mixed = [{ accountId: bank.dollars }, { accountId: yen.id }];
      assert.deepEqual(
        await exchange({ to: mixed }),
        err({ type: "currency-mismatch", expected: "JPY", actual: "USD" }),
      );
      assert.deepEqual(
        await exchange({}, adaId),
        err({ type: "forbidden", permission: Permissions.makeExchange }),
      );
    });

    test("an exchange that is refused opens no account", async () => {
      await using bank = await given();
      const { exchange, dollars, opened, adaId } = bank;
      const yen = (await opened(adaId, { currency: "JPY" })).id;
      const refused = [
        await exchange({ amount: eur("100.01") }),
        await exchange({ from: newId(AccountId) }),
        await exchange({ amount: usd("1") }),
        await exchange({ to: [{ accountId: dollars }, { accountId: yen }] }),
      ];
      assert.ok(refused.every(({ ok }) => !ok));
      assert.deepEqual(await tradingOf(bank), []);
    });

    test("receivers whose part is nothing must be there, too", async () => {
      await using bank = await given();
      const { exchange, dollars, opened, adaId } = bank;
      const yen = (await opened(adaId, { currency: "JPY" })).id;
      const beside = async (accountId: string) => {
        const to = [{ accountId: dollars, share: 1_000_000 }, { accountId }];
        const outcome = await exchange({ amount: eur("0.01"), rate: "1", to });
        return outcome.ok ? "ok" : outcome.error.type;
      };
      assert.equal(await beside(newId(AccountId)), "account-not-found");
      assert.equal(await beside(yen), "currency-mismatch");
    });

    test("the accounts of a pair are no side of an exchange or a transfer, and stay open", async () => {
      await using bank = await given();
      const { exchange, euros, dollars, accounts, as, keeperId, transfer, step } = bank;
      expect(await exchange());
      const [tradingEuros, tradingDollars] = (await tradingOf(bank)).map(({ id }) => id);
      const invalid = err({ type: "exchange-invalid", reason: "trading-account" });
      assert.deepEqual(await exchange({ from: tradingEuros, amount: eur("1") }), invalid);
      assert.deepEqual(await exchange({ to: [{ accountId: tradingDollars }] }), invalid);
      for (const [from, to] of [
        [euros, tradingEuros],
        [tradingEuros, euros],
      ])
        assert.deepEqual(
          await transfer(keeperId, { legs: [{ from, to, amount: eur("1") }] }),
          err({ type: "transfer-invalid", reason: "trading-account", leg: 0 }),
        );
      expect(
        await exchange({
          from: dollars,
          amount: usd("10.85"),
          to: [{ accountId: euros }],
          rate: "0.9226",
        }),
      );
      const at = step(tradingEuros ?? "", 1);
      const inUse = err({ type: "account-in-use" });
      assert.deepEqual(await accounts.deactivateAccount(at, as(keeperId)), inUse);
      const limited = read(EditAccount, { ...at, overdraft: eur("0") });
      assert.deepEqual(
        await accounts.editAccount(limited, as(keeperId)),
        err({ type: "overdraft-invalid", reason: "trades" }),
      );
    });

    test("an exchange is dated before the first one of its pair, but after its accounts were opened", async () => {
      await using bank = await given();
      const { exchange, clock, now } = bank;
      const opening = now().slice(0, 10);
      clock.advance(3 * 86_400_000);
      assert.equal(expect(await exchange({ date: opening })).date, opening);
      const before = Instant.plus(now(), -4 * 86_400_000).slice(0, 10);
      const refused = await exchange({ date: before });
      assert.deepEqual(refused, err({ type: "date-invalid", reason: "before-opening" }));
    });

    test("exchanges that race open the accounts of their pair once", async () => {
      await using bank = await given();
      const { exchange, balance, dollars } = bank;
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, () => exchange({ amount: eur("1"), rate: "1" })),
      );
      assert.ok(outcomes.every(({ ok }) => ok));
      assert.deepEqual(await balance(dollars), [800n, 0n, 800n]);
      assert.equal((await tradingOf(bank)).length, 2);
    });

    test("a reversal gives both sides back", async () => {
      await using bank = await given();
      const { accounts, as, keeperId, euros, dollars, exchange, balance } = bank;
      const { id: entryId } = expect(await exchange());
      const reversal = expect(
        await accounts.reverseEntry(read(ReverseEntry, { entryId }), as(keeperId)),
      );
      assert.equal(reversal.exchange, undefined);
      assert.deepEqual(await balance(euros), [10_000n, 0n, 10_000n]);
      assert.deepEqual(await balance(dollars), [0n, 0n, 0n]);
    });
  });
}
