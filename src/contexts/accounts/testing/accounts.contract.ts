import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { err, expect, ok } from "#kernel/result.ts";
import { GetStatement } from "../application/ledger/read-ledger.ts";
import { GetTransfer } from "../application/transfers/resolve-transfer.ts";
import { EditAccount } from "../application/accounts/change-account.ts";
import { maxTold } from "../application/accounts/follow-accounts.ts";
import { GetAccount, GetBalance, ListAccounts } from "../application/accounts/read-accounts.ts";
import { Permissions } from "../application/permission.ts";
import { eur, openBank, read, type OpenAccounts } from "./fixtures.ts";

/** The contract of accounts, for every adapter of their repositories. */
export function accountsContract(name: string, open: OpenAccounts): void {
  const given = () => openBank(open);

  describe(`accounts on ${name}`, () => {
    test("an owner opens an account, renames it, and lists their own", async () => {
      await using bank = await given();
      const { accounts, as, adaId, bobId, opened } = bank;
      const first = await opened(adaId, { mask: "4711" });
      const second = await opened(adaId, { type: "savings", currency: "JPY" });
      await opened(bobId);

      const edit = { accountId: first.id, expectedVersion: 1, name: "Household", mask: null };
      const renamed = expect(await accounts.editAccount(read(EditAccount, edit), as(adaId)));

      const { mask: _, ...rest } = first;
      assert.deepEqual(renamed, { ...rest, name: "Household", version: 2 });
      const listed = expect(await accounts.listAccounts(read(ListAccounts, {}), as(adaId)));
      assert.deepEqual(listed, { items: [renamed, second] });
      assert.deepEqual(
        await accounts.editAccount(read(EditAccount, edit), as(adaId)),
        err({ type: "precondition-failed", currentVersion: 2 }),
      );
    });

    test("pages go on where the last one ended", async () => {
      await using bank = await given();
      const { accounts, as, keeperId, adaId, opened, equity } = bank;
      const [a, b] = [await opened(adaId), await opened(adaId)];
      const list = async (more: object) =>
        expect(
          await accounts.listAccounts(
            read(ListAccounts, { of: "everybody", limit: 2, ...more }),
            as(keeperId),
          ),
        );
      assert.deepEqual(await list({}), { items: [equity, a], nextCursor: a.id });
      assert.deepEqual(await list({ cursor: a.id }), { items: [b] });
      assert.deepEqual(await list({ status: "deactivated" }), { items: [] });
    });

    test("others see and change nothing", async () => {
      await using bank = await given();
      const { accounts, as, adaId, bobId, opened, step } = bank;
      const { id: accountId } = await opened(adaId);
      const refused = (permission: string) => err({ type: "forbidden", permission });
      const bob = as(bobId);
      assert.deepEqual(
        await accounts.getAccount(read(GetAccount, { accountId }), bob),
        refused(Permissions.readAccount),
      );
      assert.deepEqual(
        await accounts.getBalance(read(GetBalance, { accountId }), bob),
        refused(Permissions.readAccount),
      );
      assert.deepEqual(
        await accounts.deactivateAccount(step(accountId, 1), bob),
        refused(Permissions.updateAccount),
      );
      assert.deepEqual(
        await accounts.listAccounts(read(ListAccounts, { ownerId: adaId }), bob),
        refused(Permissions.readAccount),
      );
      assert.deepEqual(
        await accounts.listAccounts(read(ListAccounts, { of: "everybody" }), bob),
        refused(Permissions.readAccount),
      );
    });

    test("the book, overdrafts and accounts for others are the bookkeeper's", async () => {
      await using bank = await given();
      const { account, adaId, bobId, keeperId } = bank;
      const refused = err({ type: "forbidden", permission: Permissions.manageAccounts });
      assert.deepEqual(await account(adaId, { type: "income" }), refused);
      assert.deepEqual(await account(adaId, { overdraft: eur("100") }), refused);
      assert.deepEqual(await account(adaId, { ownerId: bobId }), refused);

      const other = { overdraft: { amount: "1", currency: "USD" } };
      assert.deepEqual(
        await account(keeperId, other),
        err({ type: "overdraft-invalid", reason: "other-currency" }),
      );
      assert.deepEqual(
        await account(keeperId, { overdraft: eur("-1") }),
        err({ type: "overdraft-invalid", reason: "negative" }),
      );
      assert.deepEqual(
        await account(keeperId, { ownerId: bobId, type: "equity" }),
        err({ type: "owner-mismatch", reason: "is-the-book's" }),
      );
      const hers = expect(await account(keeperId, { ownerId: adaId, overdraft: eur("100") }));
      assert.deepEqual([hers.ownerId, hers.overdraft], [adaId, 10_000n]);
      const without = expect(await account(keeperId, { ownerId: adaId, overdraft: null }));
      assert.equal("overdraft" in without, false);
    });

    test("a limit cannot fall below what is overdrawn, and may be lifted", async () => {
      await using bank = await given();
      const { accounts, as, keeperId, adaId, bobId, opened, pay } = bank;
      const hers = await opened(keeperId, { ownerId: adaId, overdraft: eur("100") });
      const his = await opened(bobId);
      expect(await pay(adaId, hers.id, his.id, "60"));
      const limit = (overdraft: object | null, expectedVersion: number) =>
        accounts.editAccount(
          read(EditAccount, { accountId: hers.id, expectedVersion, overdraft }),
          as(keeperId),
        );
      const refused = err({ type: "overdraft-invalid", reason: "already-overdrawn" });
      assert.deepEqual(await limit(eur("59.99"), 1), refused);
      assert.equal(expect(await limit(eur("60"), 1)).overdraft, 6_000n);
      assert.equal("overdraft" in expect(await limit(null, 2)), false);
      assert.equal((await pay(adaId, hers.id, his.id, "1000")).ok, true);
    });

    test("an account is deactivated once it is empty, and takes no money until it is active again", async () => {
      await using bank = await given();
      const { accounts, as, adaId, bobId, opened, fund, pay, step } = bank;
      const [from, to] = [await opened(adaId), await opened(bobId)];
      await fund(from.id, "10");
      const end = (id: string, version: number, actor: string) =>
        accounts.deactivateAccount(step(id, version), as(actor));
      assert.deepEqual(await end(from.id, 1, adaId), err({ type: "account-in-use" }));

      const ended = expect(await end(to.id, 1, bobId));
      assert.equal(ended.status, "deactivated");
      assert.deepEqual(await end(to.id, 2, bobId), ok(ended));
      const refused = err({ type: "account-inactive", accountId: to.id });
      assert.deepEqual(await pay(adaId, from.id, to.id, "1"), refused);
      assert.deepEqual(await pay(adaId, from.id, to.id, "1", { holdS: 60 }), refused);

      expect(await accounts.reactivateAccount(step(to.id, 2), as(bobId)));
      assert.equal((await pay(adaId, from.id, to.id, "1")).ok, true);
    });

    test("an erased owner leaves money and dates, and no words", async () => {
      await using bank = await given();
      const { accounts, as, adaId, bobId, keeperId, opened, fund, pay, subject, balance } = bank;
      const hers = await opened(adaId, { mask: "4711" });
      const his = await opened(bobId);
      await fund(hers.id, "10");
      const { transfer } = expect(await pay(adaId, hers.id, his.id, "4", { memo: "for Bob" }));
      await subject.unitOfWork(as("system"), async ({ personalData }) =>
        ok(await personalData.erase(adaId)),
      );

      const get = async (accountId: string) =>
        expect(await accounts.getAccount(read(GetAccount, { accountId }), as(keeperId)));
      const { name: erasedName, mask } = await get(hers.id);
      assert.deepEqual(
        [erasedName, mask, (await get(his.id)).name],
        ["Erased", "Erased", his.name],
      );
      const kept = { transferId: transfer.id };
      const left = expect(await accounts.getTransfer(read(GetTransfer, kept), as(keeperId)));
      assert.equal(left.memo, "Erased");
      const lines = await accounts.getStatement(
        read(GetStatement, { accountId: his.id }),
        as(keeperId),
      );
      assert.equal(expect(lines).items[0]?.memo, "Erased");
      assert.deepEqual(await balance(hers.id), [600n, 0n, 600n]);
      const words = await subject.payloads();
      assert.ok(!/4711|for Bob/.test(words) && words.includes(his.name), words);
    });

    test("money that races a deactivation is refused, or keeps the account active", async () => {
      await using bank = await given();
      const { accounts, as, adaId, bobId, opened, fund, pay, step, balance } = bank;
      const from = await opened(adaId);
      await fund(from.id, "100");
      for (let round = 0; round < 8; round += 1) {
        const to = await opened(bobId);
        const [paid, ended] = await Promise.all([
          pay(adaId, from.id, to.id, "1"),
          accounts.deactivateAccount(step(to.id, 1), as(bobId)),
        ]);
        assert.notEqual(paid.ok, ended.ok);
        assert.equal((await balance(to.id))[0], paid.ok ? 100n : 0n);
      }
    });

    test("an owner hears of each change of their accounts, and of transfers that touch them", async () => {
      await using bank = await openBank(open);
      const { accounts, as, adaId, bobId, opened, fund, pay, postHeld } = bank;
      const [mine, other] = [await opened(adaId), await opened(adaId)];
      const foreign = await opened(bobId);
      await fund(mine.id, "10");
      const next = expect(await accounts.followAccounts({}, as(adaId)));
      const heard = async () => {
        const found = expect(await next());
        return [
          found.accounts.map(({ id, posted, held }) => [id, posted, held]),
          found.transfers.map(({ id, status, legs }) => [id, status, legs.length]),
        ];
      };
      assert.deepEqual(await heard(), [
        [
          [mine.id, 1_000n, 0n],
          [other.id, 0n, 0n],
        ],
        [],
      ]);
      assert.deepEqual(await heard(), [[], []]);

      const { transfer } = expect(await pay(adaId, mine.id, foreign.id, "4", { holdS: 60 }));
      assert.deepEqual(await heard(), [[[mine.id, 1_000n, 400n]], [[transfer.id, "pending", 1]]]);
      expect(await postHeld(adaId, transfer.id, eur("3")));
      const both = expect(await pay(adaId, mine.id, other.id, "1"));
      const told = await heard();
      assert.deepEqual(told, [
        [
          [mine.id, 600n, 0n],
          [other.id, 100n, 0n],
        ],
        [
          [transfer.id, "posted", 1],
          [both.transfer.id, "posted", 1],
        ],
      ]);
      const edit = read(EditAccount, { accountId: other.id, expectedVersion: 1, name: "Rent" });
      expect(await accounts.editAccount(edit, as(adaId)));
      await fund(foreign.id, "1");
      assert.deepEqual(await heard(), [[[other.id, 100n, 0n]], []]);
    });

    test("a transfer to an account that was opened meanwhile is told, and one between own accounts is told whole", async () => {
      await using bank = await given();
      const { accounts, as, adaId, opened, fund, transfer } = bank;
      const mine = await opened(adaId);
      await fund(mine.id, "10");
      const next = expect(await accounts.followAccounts({}, as(adaId)));
      expect(await next());
      const [fresh, third] = [await opened(adaId), await opened(adaId)];
      expect(await next());
      const legs = [
        { from: mine.id, to: fresh.id, amount: eur("1") },
        { from: mine.id, to: third.id, amount: eur("1") },
      ];
      const made = expect(await transfer(adaId, { legs })).transfer;
      const opening = await opened(adaId);
      await transfer(adaId, { legs: [{ from: mine.id, to: opening.id, amount: eur("1") }] });
      const told = expect(await next());
      assert.equal(told.accounts.length, 4);
      assert.deepEqual(
        told.transfers.map(({ id, legs: seen }) => [id === made.id, seen.length]),
        [
          [true, 2],
          [false, 1],
        ],
      );
    });

    test("a balance is asked for at an instant or on a day, not both", async () => {
      await using bank = await given();
      const { accounts, as, adaId, opened, now } = bank;
      const { id: accountId } = await opened(adaId);
      const both = read(GetBalance, { accountId, at: now(), on: now().slice(0, 10) });
      const refused = err({ type: "time-ambiguous", reason: "at-and-on" });
      assert.deepEqual(await accounts.getBalance(both, as(adaId)), refused);
    });

    test("transfers that are too many for one look are told by the next ones", async () => {
      await using bank = await openBank(open);
      const { accounts, as, adaId, bobId, opened, fund, pay } = bank;
      const [mine, foreign] = [await opened(adaId), await opened(bobId)];
      await fund(mine.id, "10");
      const next = expect(await accounts.followAccounts({}, as(adaId)));
      expect(await next());
      for (let i = 0; i <= maxTold; i += 1) expect(await pay(adaId, mine.id, foreign.id, "0.01"));
      const [first, second] = [expect(await next()), expect(await next())];
      assert.deepEqual([first.transfers.length, first.hasMore], [maxTold, true]);
      assert.deepEqual([second.transfers.length, second.hasMore], [1, false]);
    });
  });
}
