import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Instant } from "#kernel/instant.ts";
import { Money } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import { GetNetWorth } from "../application/worth/net-worth.ts";
import { QuoteRate } from "../application/worth/quote-rate.ts";
import { ListHoldings } from "../application/worth/list-holdings.ts";
import { openBroker } from "./broker.ts";
import { openStatements } from "./statement-bank.ts";
import { read, type OpenAccounts } from "./fixtures.ts";
import { ofx } from "./statement-files.ts";

/** On every adapter, amounts of several currencies are added up only at rates that are named. */
export function worthContract(name: string, open: OpenAccounts): void {
  async function given() {
    const bank = await openStatements(open);
    const { accounts, as, keeperId, adaId, clock } = bank;
    const quote = (from: string, into: string, rate: string, more: object = {}, actor = keeperId) =>
      accounts.quoteRate(
        read(QuoteRate, { from, into, rate, source: "ECB", quotedAt: clock.now(), ...more }),
        as(actor),
      );
    const worth = async (more: object = {}, actor: string = adaId) =>
      expect(await accounts.getNetWorth(read(GetNetWorth, more), as(actor)));
    return { ...bank, quote, worth };
  }
  const spelled = ({ minor, currency }: Money) => `${minor} ${currency}`;

  describe(`net worth on ${name}`, () => {
    test("accounts of one's own and mirrors are summed by currency, and not across currencies", async () => {
      await using bank = await given();
      const [own, second] = [await bank.opened(bank.adaId), await bank.opened(bank.adaId)];
      await bank.fund(own.id, "100");
      await bank.fund(second.id, "20");
      await bank.imported(ofx({ rows: [], balance: ["-30.50", "2026-08-20"] }));
      const { currencies, total, missing } = await bank.worth();
      assert.deepEqual(
        currencies.map(({ amount, accounts }) => `${spelled(amount)} ${accounts}`),
        ["12000 EUR 2", "-3050 USD 1"],
      );
      assert.deepEqual([total, missing], [undefined, []]);
      assert.deepEqual((await bank.worth({}, bank.bobId)).currencies, []);
    });

    test("a total names its quotes, converts over a third currency, and says what is missing", async () => {
      await using bank = await given();
      await bank.fund((await bank.opened(bank.adaId)).id, "100");
      await bank.imported(ofx({ rows: [], balance: ["250.00", "2026-08-20"] }));
      await bank.imported(
        ofx({ rows: [], balance: ["1000", "2026-08-20"], currency: "JPY", account: "77" }),
      );
      const without = await bank.worth({ currency: "CHF" });
      assert.deepEqual(
        [without.total && spelled(without.total), without.missing],
        ["0 CHF", ["EUR", "JPY", "USD"]],
      );

      expect(await bank.quote("EUR", "USD", "1.25"));
      expect(await bank.quote("EUR", "CHF", "0.95"));
      const { total, missing, conversions } = await bank.worth({ currency: "CHF" });

      assert.deepEqual([total && spelled(total), missing], ["28500 CHF", ["JPY"]]);
      assert.deepEqual(
        conversions.map(({ amount, converted, quotes }) => [
          spelled(amount),
          spelled(converted),
          quotes.map(({ from, into, rate }) => `${from}/${into} ${rate}`),
        ]),
        [
          ["10000 EUR", "9500 CHF", ["EUR/CHF 0.95"]],
          ["25000 USD", "19000 CHF", ["EUR/USD 1.25", "EUR/CHF 0.95"]],
        ],
      );
    });

    test("the newest quote counts; an older one, one of tomorrow and one by a member do not", async () => {
      await using bank = await given();
      const at = bank.clock.now();
      expect(await bank.quote("USD", "EUR", "0.9", { quotedAt: at }));
      const older = await bank.quote("USD", "EUR", "0.5", { quotedAt: Instant.plus(at, -1) });
      assert.equal(expect(older).rate, "0.9");
      bank.clock.advance(1_000);
      assert.equal(expect(await bank.quote("USD", "EUR", "0.8")).rate, "0.8");
      const ahead = await bank.quote("USD", "EUR", "1", { quotedAt: Instant.plus(at, 86_400_000) });
      assert.deepEqual(!ahead.ok && ahead.error, { type: "quote-invalid", reason: "quoted-ahead" });
      const same = await bank.quote("EUR", "EUR", "1");
      assert.deepEqual(!same.ok && same.error, { type: "quote-invalid", reason: "same-currency" });
      const anybody = await bank.quote("USD", "EUR", "9", {}, bank.adaId);
      assert.equal(!anybody.ok && anybody.error.type, "forbidden");
      const foreign = await bank.accounts.getNetWorth(
        read(GetNetWorth, { ownerId: bank.adaId }),
        bank.as(bank.bobId),
      );
      assert.equal(!foreign.ok && foreign.error.type, "forbidden");
    });

    const share = (symbol: string, qty: string, value: string, more: object = {}) => ({
      symbol,
      qty,
      avg_entry_price: "100",
      cost_basis: "100.005",
      market_value: value,
      side: "long",
      ...more,
    });
    async function invested(...positions: readonly Readonly<Record<string, unknown>>[]) {
      const broker = await openBroker(open);
      broker.server.positions.push(...positions);
      const { id } = expect(await broker.connect());
      const first = await broker.synced(id);
      const { accounts, as, adaId } = broker;
      const held = async () => {
        const { mirror } = await broker.booked();
        const found = await accounts.listHoldings(
          read(ListHoldings, { accountId: mirror.id }),
          as(adaId),
        );
        return expect(found).map(
          ({ instrument, quantity, marketValue }) =>
            `${instrument} ${quantity} ${marketValue.minor}`,
        );
      };
      const put = (...next: readonly Readonly<Record<string, unknown>>[]) =>
        broker.server.positions.splice(0, Infinity, ...next);
      return { ...broker, id, first, held, put };
    }

    test("what a broker holds is part of net worth, at the values that it told, and of when", async () => {
      await using broker = await invested(
        share("AAPL ", "1.50", "301.125"),
        share("BTC/USD", "0.00010000", "6.5"),
        share("F", "-3", "-30"),
      );
      assert.equal(broker.first.status, "succeeded");
      assert.deepEqual(await broker.held(), ["AAPL 1.5 30112", "BTC/USD 0.0001 650", "F -3 -3000"]);
      const worth = expect(
        await broker.accounts.getNetWorth(read(GetNetWorth, {}), broker.as(broker.adaId)),
      );
      const [usd] = worth.currencies;
      assert.deepEqual(
        [usd && spelled(usd.amount), usd?.holdings?.amount.minor, usd?.holdings?.positions],
        ["127762 USD", 27_762n, 3],
      );
      assert.equal(usd?.holdings?.asOf, broker.now());
      const others = await broker.accounts.listHoldings(
        read(ListHoldings, { accountId: (await broker.booked()).mirror.id }),
        broker.as(broker.bobId),
      );
      assert.equal(!others.ok && others.error.type, "forbidden");
    });

    test("what is sold is gone with the next whole answer", async () => {
      await using broker = await invested(share("AAPL", "1", "200"), share("F", "3", "30"));
      broker.put(share("F", "2", "21"));
      assert.equal((await broker.again(broker.id)).status, "succeeded");
      assert.deepEqual(await broker.held(), ["F 2 2100"]);
      broker.put();
      assert.equal((await broker.again(broker.id)).status, "succeeded");
      assert.deepEqual(
        await broker.held(),
        [],
        "the account says that its positions are worth nothing",
      );
    });

    test("an empty, a cut and a partly unreadable answer take no holding away, and the sync says so", async () => {
      await using broker = await invested(share("AAPL", "1", "200"), share("F", "3", "30"));
      const incomplete = async () => {
        const sync = await broker.again(broker.id);
        return [sync.status, "reason" in sync ? sync.reason : undefined];
      };
      broker.server.account["long_market_value"] = "230";
      const partial = ["partially-succeeded", "holdings-incomplete"];
      broker.put();
      assert.deepEqual(await incomplete(), partial);
      broker.put(share("F", "4", "40"));
      assert.deepEqual(await incomplete(), partial);
      assert.deepEqual(await broker.held(), ["AAPL 1 20000", "F 4 4000"], "what it tells is newer");
      broker.put(share("AAPL", "2", "200"), share("F", "many", "30"));
      assert.deepEqual(await incomplete(), partial);
      delete broker.server.account["long_market_value"];
      broker.put(share("AAPL", "2", "400"), share("F", "3", "30"), share("F", "3", "30"));
      await incomplete();
      assert.deepEqual(await broker.held(), ["AAPL 2 40000", "F 3 3000"], "none is there twice");
    });
  });
}
