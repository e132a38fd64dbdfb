import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect, type Result } from "#kernel/result.ts";
import {
  dividends,
  signInAtSchwab,
  type SchwabTransaction,
} from "../infrastructure/stand-ins/schwab.ts";
import { ListHoldings } from "../application/worth/list-holdings.ts";
import { before, openSchwab } from "./broker.ts";
import { read, type OpenAccounts } from "./fixtures.ts";

const refusal = (result: Result<unknown, { readonly type: string }>) =>
  result.ok ? "ok" : result.error.type;

/** On every adapter, all that the accounts of a customer of Schwab have arrives, whatever Schwab leaves out. */
export function schwabContract(name: string, open: OpenAccounts): void {
  const given = () => openSchwab(open);

  describe(`accounts at Schwab on ${name}`, () => {
    test("more rows than Schwab gives at once are asked for in halves, and none is left out", async () => {
      await using house = await given();
      house.server.transactions.set("12345678", dividends(3_500, before(house.now(), 30)));
      const { id } = await house.connected();
      const sync = await house.synced(id);
      assert.deepEqual(
        [sync.status, (await house.got(sync.importId)).tally.created],
        ["succeeded", 3_500],
      );
    });

    test("a pending transaction is booked under its id, and one that is taken back has no line", async () => {
      await using house = await given();
      const [one, two] = dividends(2, before(house.now(), 2));
      assert.ok(one && two);
      const put = (...rows: readonly SchwabTransaction[]) =>
        house.server.transactions.set("12345678", rows);
      put({ ...one, status: "PENDING" }, two);
      const { id } = await house.connected();
      await house.synced(id);
      assert.deepEqual((await house.booked()).lines.toSorted(), [
        "1 Dividend 0 pending",
        "1 Dividend 1 booked",
      ]);
      put({ ...one, netAmount: 0.02 }, { ...two, status: "INVALID" });
      await house.again(id);
      assert.deepEqual((await house.booked()).lines, ["2 Dividend 0 booked"]);
    });

    test("a hash that stands for another account tomorrow moves no lines", async () => {
      await using house = await given();
      house.server.transactions.set("12345678", dividends(2, before(house.now(), 2)));
      const { id } = await house.connected();
      await house.synced(id);
      for (const account of house.server.accounts) account.hash = "TOMORROW";
      assert.equal((await house.again(id)).status, "succeeded");
      assert.equal((await house.booked()).lines.length, 2);
    });

    test("all positions are read, however many, held or owed, with what was paid for them", async () => {
      await using house = await given();
      const position = (symbol: string, more: object) => ({
        averagePrice: 12.3456,
        marketValue: 25.5,
        longQuantity: 2,
        shortQuantity: 0,
        instrument: {
          assetType: "EQUITY",
          symbol,
          cusip: "x",
          description: "words",
          netChange: -1,
        },
        ...more,
      });
      const many = Array.from({ length: 300 }, (_, i) => position(`S${i}`, {}));
      house.server.positions.push(
        ...many,
        position("OWED", { longQuantity: 0, shortQuantity: 1.5, marketValue: -19 }),
      );
      const { id } = await house.connected();
      assert.equal((await house.synced(id)).status, "succeeded");
      const { mirror } = await house.booked();
      const input = read(ListHoldings, { accountId: mirror.id });
      const held = expect(await house.accounts.listHoldings(input, house.as(house.adaId)));
      assert.equal(held.length, 301);
      const [owed] = held;
      assert.deepEqual(
        [owed?.instrument, owed?.quantity, owed?.costBasis?.minor, owed?.marketValue.minor],
        ["OWED", "-1.5", -1852n, -1900n],
      );
    });

    test("an account that is opened later has its history, and one that is left out once loses none", async () => {
      await using house = await given();
      house.server.transactions.set("12345678", dividends(2, before(house.now(), 100)));
      const { id } = await house.connected();
      assert.equal((await house.synced(id)).status, "succeeded");
      house.server.accounts.push({ number: "87654321", hash: "HASH2", cash: "5.00" });
      house.server.transactions.set("87654321", dividends(3, before(house.now(), 90), 700n));
      const first = house.server.accounts.shift();
      assert.ok(first);
      const without = await house.again(id);
      assert.equal(
        "reason" in without && without.reason,
        "other-account",
        "none that it had is there",
      );
      house.server.accounts.unshift(first);
      const later = await house.again(id);
      assert.deepEqual([later.status, later.fetching.rows], ["succeeded", 3]);

      house.server.accounts.push({ number: "11112222", hash: "HASH3", cash: "5.00" });
      house.server.transactions.set("11112222", dividends(4, before(house.now(), 90), 900n));
      expect(await house.accounts.requestSync(house.step(id), house.as(house.adaId)));
      let asked = 0;
      house.server.hooks.beforeNumbers = () => {
        asked += 1;
        if (asked === 3) house.server.accounts.pop();
      };
      const cut = await house.synced(id);
      assert.notEqual(cut.status, "succeeded");
      house.server.accounts.push({ number: "11112222", hash: "HASH3", cash: "5.00" });
      const whole = await house.again(id);
      assert.deepEqual([whole.status, whole.fetching.rows], ["succeeded", 4]);
    });

    test("an account that Schwab tells of no more is missed once, and what it had stays", async () => {
      await using house = await given();
      house.server.accounts.push({ number: "87654321", hash: "HASH2", cash: "5.00" });
      const { id } = await house.connected();
      await house.synced(id);
      house.server.accounts.pop();
      const reasons = [];
      for (let i = 0; i < 2; i += 1) {
        const sync = await house.again(id);
        reasons.push([sync.status, "reason" in sync ? sync.reason : undefined]);
      }
      assert.deepEqual(reasons, [
        ["partially-succeeded", "account-missing"],
        ["succeeded", undefined],
      ]);
      const third = { number: "11112222", hash: "HASH3", cash: "5.00" };
      house.server.accounts.push(third);
      assert.equal((await house.again(id)).status, "succeeded");
      house.server.accounts.splice(0, 1);
      assert.equal("reason" in (await house.again(id)), true, "the first one is missed now");
      const again = await house.finish(await signInAtSchwab(await house.reauthorize(id)));
      assert.equal(refusal(again), "ok", "the customer is the same, by an account that came later");
      assert.equal((await house.mirrors()).length, 3);
    });

    test("an account that Schwab does not show keeps no other one back, and the sync says so", async () => {
      await using house = await given();
      house.server.transactions.set("12345678", dividends(2, before(house.now(), 30)));
      house.server.accounts.unshift({
        number: "99998888",
        hash: "CLOSED",
        cash: "0",
        isHidden: true,
      });
      const { id } = await house.connected();
      const sync = await house.synced(id);
      assert.deepEqual(
        [sync.status, "reason" in sync && sync.reason, sync.fetching.rows],
        ["partially-succeeded", "refused", 2],
      );
    });

    test("a cost beyond all money is left out, and the position stays", async () => {
      await using house = await given();
      house.server.positions.push({
        longQuantity: 99_999_999_999_999,
        averagePrice: 99_999_999_999,
        marketValue: 12.5,
        instrument: { assetType: "EQUITY", symbol: "ODD" },
      });
      const { id } = await house.connected();
      assert.equal((await house.synced(id)).status, "succeeded");
      const { mirror } = await house.booked();
      const input = read(ListHoldings, { accountId: mirror.id });
      const [odd] = expect(await house.accounts.listHoldings(input, house.as(house.adaId)));
      assert.deepEqual(
        [odd?.instrument, odd?.costBasis, odd?.marketValue.minor],
        ["ODD", undefined, 1_250n],
      );
    });
  });
}
