import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Instant } from "#kernel/instant.ts";
import { Money } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import { GetNetWorth } from "../application/worth/net-worth.ts";
import { QuoteRate } from "../application/worth/quote-rate.ts";
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
  });
}
