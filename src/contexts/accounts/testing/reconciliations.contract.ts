import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Currency, Money } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import {
  LiftAgreement,
  ListAgreements,
  Reconcile,
} from "../application/reconciliations/reconcile.ts";
import { ListRows } from "../application/statements/read-statements.ts";
import { ImportStep } from "../application/statements/undo-import.ts";
import { read, type OpenAccounts } from "./fixtures.ts";
import { coffee, month, openStatements, pay, rent } from "./statement-bank.ts";
import { ofx } from "./statement-files.ts";

const usd = expect(Currency.parse("USD"));

/** On every adapter, a balance is agreed only where the lines lead to it, and what it is of stays as it is. */
export function reconciliationsContract(name: string, open: OpenAccounts): void {
  /** A mirror with three lines of the first days of August, and 100.00 before them. */
  async function given() {
    const bank = await openStatements(open);
    const { accounts, as, adaId } = bank;
    bank.clock.advance(Date.parse("2026-09-10T00:00:00Z") - bank.clock.unixMs());
    const august = await bank.imported(ofx({ rows: month, balance: ["1695.50", "2026-08-20"] }));
    const [mirror] = await bank.mirrors();
    const accountId = mirror?.id ?? "";
    const agree = (on: string, more: object = {}, actor: string = adaId) =>
      accounts.reconcile(read(Reconcile, { accountId, on, ...more }), as(actor));
    const usd = (amount: string) => ({ balance: { amount, currency: "USD" } });
    const lift = (on: string) =>
      accounts.liftAgreement(read(LiftAgreement, { accountId, on }), as(adaId));
    const agreed = async () =>
      expect(
        await accounts.listAgreements(read(ListAgreements, { accountId }), as(adaId)),
      ).items.map(({ on, balance }) => `${on} ${balance.minor}`);
    const reasons = async (importId: string) =>
      expect(
        await accounts.listStatementRows(
          read(ListRows, { statementImportId: importId }),
          as(adaId),
        ),
      ).items.flatMap(({ reason }) => (reason?.type === "row-unreadable" ? [reason.reason] : []));
    return { ...bank, accountId, august, agree, usd, lift, agreed, reasons };
  }

  describe(`reconciliations on ${name}`, () => {
    test("a balance is agreed where the lines lead to it, and the difference is told where they do not", async () => {
      await using bank = await given();
      const told = expect(await bank.agree("2026-08-20"));
      assert.equal(told.balance.minor, 169_550n);
      const wrong = await bank.agree("2026-08-31", bank.usd("1700.00"));
      assert.ok(!wrong.ok && wrong.error.type === "balance-differs");
      assert.deepEqual(
        [wrong.error.stated, wrong.error.derived, wrong.error.difference].map(
          ({ amount }) => amount,
        ),
        ["1700.00", "1695.50", "4.50"],
      );
      expect(await bank.agree("2026-08-31", bank.usd("1695.50")));
      assert.deepEqual(await bank.agreed(), ["2026-08-31 169550", "2026-08-20 169550"]);
      const [mirror] = await bank.mirrors();
      assert.equal(mirror?.agreedUntil, "2026-08-31");
    });

    test("what cannot be agreed is refused by name", async () => {
      await using bank = await given();
      const reason = async (on: string, more: object = {}) => {
        const refused = await bank.agree(on, more);
        return !refused.ok && refused.error.type === "agreement-invalid" && refused.error.reason;
      };
      assert.equal(await reason("2026-08-19"), "untold");
      assert.equal(await reason("2026-09-10", bank.usd("1695.50")), "day-not-over");
      const euros = { balance: { amount: "1695.50", currency: "EUR" } };
      assert.equal(await reason("2026-08-20", euros), "other-currency");
      expect(await bank.agree("2026-08-20"));
      assert.equal(await reason("2026-08-20"), "agreed-later");
      const own = await bank.opened(bank.adaId);
      const input = read(Reconcile, {
        accountId: own.id,
        on: "2026-08-20",
        balance: { amount: "0", currency: "EUR" },
      });
      const notElsewhere = await bank.accounts.reconcile(input, bank.as(bank.adaId));
      assert.ok(!notElsewhere.ok && notElsewhere.error.type === "agreement-invalid");
      assert.equal(notElsewhere.error.reason, "not-elsewhere");
      const stranger = await bank.agree("2026-08-31", bank.usd("1695.50"), bank.bobId);
      assert.equal(!stranger.ok && stranger.error.type, "forbidden");
    });

    test("rows that would change agreed days wait in quarantine, later ones are booked, and known ones match", async () => {
      await using bank = await given();
      expect(await bank.agree("2026-08-20"));
      const late = { id: "9", date: "2026-08-05", amount: "-1.00", name: "Late fee" };
      const next = { id: "10", date: "2026-08-21", amount: "-2.00", name: "Kiosk" };
      const { id, tally } = await bank.imported(ofx({ rows: [coffee, late, next] }));
      assert.deepEqual([tally.matched, tally.quarantined, tally.created], [1, 1, 1]);
      assert.deepEqual(await bank.reasons(id), ["reconciled"]);
      assert.equal((await bank.mirrors())[0]?.posted, 169_350n);

      expect(await bank.lift("2026-08-20"));
      const step = read(ImportStep, { statementImportId: id });
      expect(await bank.accounts.replayQuarantine(step, bank.as(bank.adaId)));
      await bank.run();
      assert.deepEqual((await bank.got(id)).tally.created, 2);
      assert.equal(
        (await bank.mirrors())[0]?.posted,
        169_550n - 200n,
        "it is from before the told balance",
      );
    });

    test("a decision and an undoing that would change agreed days are refused", async () => {
      await using bank = await given();
      await bank.imported(ofx({ rows: [{ ...coffee, amount: "-5.50" }] }));
      const [doubt] = await bank.doubtful();
      assert.ok(doubt?.reason?.type === "doubtful");
      expect(await bank.agree("2026-08-20"));
      const lineId = doubt.reason.suspects[0]?.lineId;
      for (const decided of [
        await bank.decide(doubt.id, "same", lineId),
        await bank.decide(doubt.id, "new"),
      ])
        assert.equal(!decided.ok && decided.error.type, "day-reconciled");
      expect(await bank.decide(doubt.id, "ignore"));
      const step = read(ImportStep, { statementImportId: bank.august.id });
      const undone = await bank.accounts.undoImport(step, bank.as(bank.adaId));
      assert.equal(!undone.ok && undone.error.type, "day-reconciled");
      const september = await bank.imported(
        ofx({ rows: [{ id: "11", date: "2026-09-01", amount: "-3.00" }] }),
      );
      await bank.undo(september.id);
      expect(await bank.lift("2026-08-20"));
      await bank.undo(bank.august.id);
    });

    test("an older file cannot move what was agreed, and the opening balance stays", async () => {
      await using bank = await given();
      expect(await bank.agree("2026-08-20"));
      const july = { id: "j", date: "2026-07-15", amount: "-7.00", name: "July" };
      const { tally } = await bank.imported(
        ofx({ rows: [july], balance: ["90.00", "2026-07-31"] }),
      );
      assert.equal(tally.quarantined, 1);
      assert.equal((await bank.mirrors())[0]?.posted, 169_550n);
      await bank.imported(ofx({ rows: [rent, pay] }));
      assert.equal((await bank.mirrors())[0]?.posted, 169_550n);
    });

    test("only the newest agreement is taken back, and the one before it holds on", async () => {
      await using bank = await given();
      expect(await bank.agree("2026-08-20"));
      expect(await bank.agree("2026-08-31", bank.usd("1695.50")));
      const early = await bank.lift("2026-08-20");
      assert.ok(!early.ok && early.error.type === "agreement-invalid");
      assert.deepEqual(
        [early.error.reason, early.error.agreedUntil],
        ["agreed-later", "2026-08-31"],
      );
      const never = await bank.lift("2026-09-01");
      assert.equal(!never.ok && never.error.type, "agreement-not-found");
      expect(await bank.lift("2026-08-31"));
      assert.equal((await bank.mirrors())[0]?.agreedUntil, "2026-08-20");
      expect(await bank.lift("2026-08-20"));
      assert.deepEqual(
        [await bank.agreed(), (await bank.mirrors())[0]?.agreedUntil],
        [[], undefined],
      );
      const types = (await bank.subject.events()).filter((type) => /agree/.test(type));
      assert.deepEqual(types.length, 4);
    });

    test("an agreement and a row of its days that come at once leave what was agreed", async () => {
      for (let round = 0; round < 5; round += 1) {
        await using bank = await given();
        const late = { id: "9", date: "2026-08-05", amount: "-1.00", name: "Late fee" };
        const { id } = expect(await bank.send(ofx({ rows: [late] })));
        const [agreed] = await Promise.all([bank.agree("2026-08-20"), bank.run()]);
        await bank.run();
        const { tally } = await bank.got(id);
        assert.equal(tally.quarantined + tally.created, 1);
        assert.ok(agreed.ok, "whichever came first, the lines lead to what was told");
        assert.equal((await bank.mirrors())[0]?.posted, 169_550n);
      }
    });

    test("a row that comes twice changes an agreed day no more than once, which is not at all", async () => {
      await using bank = await given();
      expect(await bank.agree("2026-08-20"));
      const moved = { ...coffee, date: "2026-08-07" };
      const { tally } = await bank.imported(ofx({ rows: [moved, moved, moved] }));
      assert.deepEqual([tally.updated, tally.quarantined], [0, 3]);
      assert.ok((await bank.lines(bank.accountId)).includes("2026-08-03 -450 Blue Coffee booked"));
    });

    test("no undoing brings a line back into agreed days, or takes one out of them", async () => {
      await using bank = await given();
      const step = (id: string) => read(ImportStep, { statementImportId: id });
      const undo = async (id: string) => {
        const undone = await bank.accounts.undoImport(step(id), bank.as(bank.adaId));
        return undone.ok ? "ok" : undone.error.type;
      };
      const moving = await bank.imported(ofx({ rows: [{ ...coffee, date: "2026-08-07" }] }));
      assert.equal(moving.tally.updated, 1);
      expect(await bank.agree("2026-08-05", bank.usd("1700.00")));
      assert.equal(await undo(moving.id), "day-reconciled", "it would bring the line back");
      expect(await bank.lift("2026-08-05"));
      await bank.undo(moving.id);

      const again = await bank.imported(ofx({ rows: month }));
      assert.equal(again.tally.matched, 3);
      await bank.undo(bank.august.id);
      const [mirror] = await bank.mirrors();
      const balance = {
        balance: {
          amount: Money.spell(Money.of(mirror?.posted ?? 0n, usd)).amount,
          currency: "USD",
        },
      };
      expect(await bank.agree("2026-08-20", balance));
      assert.equal(await undo(again.id), "day-reconciled", "the lines are its own now");
    });

    test("nothing is agreed while an import is taken back", async () => {
      await using bank = await given();
      const step = read(ImportStep, { statementImportId: bank.august.id });
      expect(await bank.accounts.undoImport(step, bank.as(bank.adaId)));
      const early = await bank.agree("2026-08-20");
      assert.ok(!early.ok && early.error.type === "agreement-invalid");
      assert.equal(early.error.reason, "undoing");
      const never = await bank.agree("9999-12-31");
      assert.ok(!never.ok && never.error.type === "agreement-invalid");
      assert.equal(never.error.reason, "day-not-over");
    });
  });
}
