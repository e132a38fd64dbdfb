import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import { ListBalances, ListRows } from "../application/statements/read-statements.ts";
import { ImportStep } from "../application/statements/undo-import.ts";
import { read, type OpenAccounts } from "./fixtures.ts";
import { coffee, month, openStatements, pay } from "./statement-bank.ts";
import { ofx, ofxOf, statementOf } from "./statement-files.ts";

/** That statements become lines and entries once, on every adapter. */
export function statementsContract(name: string, open: OpenAccounts): void {
  const given = () => openStatements(open);

  describe(`statements on ${name}`, () => {
    test("a file opens an account that mirrors the bank's, with its lines and their entries", async () => {
      await using bank = await given();
      const { tally, status } = await bank.imported(
        ofx({ rows: month, balance: ["1700.00", "2026-08-20"] }),
      );
      assert.deepEqual([status, tally.created], ["finished", 3]);
      const [mirror, ...others] = await bank.mirrors();
      assert.ok(mirror);
      assert.deepEqual(
        [mirror.name, mirror.mask, mirror.type, mirror.posted, others.length],
        ["Chase checking 3333", "3333", "checking", 170_000n, 0],
      );
      assert.deepEqual(await bank.lines(mirror.id), [
        "2026-08-03 -450 Blue Coffee booked",
        "2026-08-02 250000 Employer booked",
        "2026-08-01 -90000 Landlord booked",
      ]);
      const [told] = expect(
        await bank.accounts.listBalances(
          read(ListBalances, { accountId: mirror.id }),
          bank.as(bank.adaId),
        ),
      ).items;
      assert.deepEqual(
        [told?.on, told?.amount.minor, told?.derived],
        ["2026-08-20", 170_000n, 170_000n],
      );
      const entries = (await bank.subject.events()).filter(
        (type) => type === "accounts.entry-posted",
      );
      assert.equal(entries.length, 4, "three lines, and what was there before them");
    });

    test("the same file changes nothing, and a longer one adds what is new", async () => {
      await using bank = await given();
      const file = ofx({ rows: month, balance: ["1700.00", "2026-08-20"] });
      await bank.imported(file);
      const before = await bank.subject.events();
      assert.deepEqual(await bank.tallyOf(file), { matched: 3 });
      const more = (await bank.subject.events()).slice(before.length);
      assert.deepEqual(more, ["accounts.statements-received", "accounts.statements-imported"]);
      const next = { id: "4", date: "2026-08-21", amount: "-1", name: "Kiosk" };
      const longer = ofx({ rows: [next, ...month], balance: ["1699.00", "2026-08-21"] });
      assert.deepEqual(await bank.tallyOf(longer), { created: 1, matched: 3 });
      assert.equal((await bank.mirrors())[0]?.posted, 169_900n);
    });

    test("real duplicates that look alike are kept, with ids and without", async () => {
      await using bank = await given();
      const twice = [coffee, { ...coffee, id: "9" }];
      assert.deepEqual(await bank.tallyOf(ofx({ rows: twice })), { created: 2 });
      assert.deepEqual(await bank.tallyOf(ofx({ rows: twice })), { matched: 2 });

      const cash = await bank.opened(bank.adaId, { currency: "USD", provider: "chase" });
      const csv =
        "Transaction Date,Post Date,Description,Category,Type,Amount,Memo\n" +
        "08/03/2026,08/04/2026,BLUE COFFEE,Food,Sale,-4.50,\n".repeat(2);
      const into = { accountId: cash.id };
      assert.deepEqual(await bank.tallyOf(csv, into), { created: 2 });
      assert.deepEqual(await bank.tallyOf(csv, into), { matched: 2 });
      const third = `${csv}08/03/2026,08/04/2026,BLUE COFFEE,Food,Sale,-4.50,\n`;
      assert.deepEqual(await bank.tallyOf(third, into), { created: 1, matched: 2 });
    });

    test("an id that stands for several lines of one file makes several", async () => {
      await using bank = await given();
      const fee = { ...coffee, amount: "-0.13", name: "Foreign transaction fee" };
      const file = ofx({ rows: [fee, coffee] });
      assert.deepEqual(await bank.tallyOf(file), { created: 2 });
      assert.deepEqual(await bank.tallyOf(file), { matched: 2 });
      assert.deepEqual(await bank.tallyOf(ofx({ rows: [coffee, fee] })), { matched: 2 });
    });

    test("more than an account may have is kept apart, and holds nobody up", async () => {
      await using bank = await given();
      const rows = Array.from({ length: 12 }, (_, i) => ({
        ...pay,
        id: `b${i}`,
        amount: "999999999999999",
      }));
      const { tally } = await bank.imported(
        ofx({ rows, balance: ["-999999999999999", "2026-08-20"] }),
      );
      assert.deepEqual([tally.created, tally.quarantined], [5, 7]);
      assert.deepEqual(await bank.tallyOf(ofx({ rows: [coffee], account: "5" })), { created: 1 });
    });

    test("a file of several accounts opens each", async () => {
      await using bank = await given();
      const file = ofxOf(
        statementOf({ rows: month, balance: ["10", "2026-08-20"] }),
        statementOf({ rows: [coffee], account: "999988887777", currency: "EUR" }),
      );
      assert.deepEqual(await bank.tallyOf(file), { created: 4 });
      assert.deepEqual(
        (await bank.mirrors()).map(({ mask, currency, posted }) => [mask, currency, posted]),
        [
          ["3333", "USD", 1_000n],
          ["7777", "EUR", -450n],
        ],
      );
    });

    test("only statements move the money of an account elsewhere", async () => {
      await using bank = await given();
      await bank.imported(ofx({ rows: month }));
      const [mirror] = await bank.mirrors();
      const mine = await bank.opened(bank.bobId, { currency: "USD" });
      const amount = { amount: "1.00", currency: "USD" };
      const taken = await bank.transfer(bank.adaId, {
        legs: [{ from: mirror?.id, to: mine.id, amount }],
      });
      assert.deepEqual(!taken.ok && taken.error, {
        type: "account-elsewhere",
        accountId: mirror?.id,
      });
    });

    test("what cannot be imported is refused, and leaves nothing", async () => {
      await using bank = await given();
      const plain = await bank.opened(bank.adaId, { currency: "USD" });
      const bobs = await bank.opened(bank.bobId, { currency: "USD", provider: "chase" });
      const euros = await bank.opened(bank.adaId, { currency: "EUR", provider: "chase" });
      const csv = "date,amount,payee\n2026-08-01,-1.00,Kiosk\n";
      const refusals: readonly (readonly [string, object, object])[] = [
        ["", {}, { type: "upload-invalid", reason: "empty" }],
        [csv, {}, { type: "upload-invalid", reason: "account-unknown" }],
        [csv, { accountId: plain.id }, { type: "account-not-elsewhere", accountId: plain.id }],
        [csv, { accountId: bobs.id }, { type: "account-not-found", accountId: bobs.id }],
        [
          ofx({ rows: month }),
          { accountId: euros.id },
          { type: "upload-invalid", reason: "other-currency" },
        ],
        [ofx({ rows: month }).slice(0, -20), {}, { type: "upload-invalid", reason: "broken-off" }],
        [
          "hello,world\n1,2\n",
          {},
          { type: "upload-invalid", reason: "columns-unknown", columns: ["hello", "world"] },
        ],
        [
          csv,
          { provider: "nobody" },
          { type: "provider-unknown", provider: "nobody", known: ["bank", "chase"] },
        ],
      ];
      for (const [content, more, refusal] of refusals) {
        const answer = await bank.send(content, more);
        assert.deepEqual(!answer.ok && answer.error, refusal);
      }
      assert.deepEqual(
        expect(await bank.accounts.listStatementImports({}, bank.as(bank.adaId))).items,
        [],
      );
    });

    test("an import waits while its owner may not import, and so does taking it back", async () => {
      await using bank = await given();
      const { id } = expect(await bank.send(ofx({ rows: month })));
      const runForbidden = async () => {
        bank.deleted.add(bank.adaId);
        await bank.run();
        bank.deleted.delete(bank.adaId);
        return bank.got(id);
      };
      const waiting = await runForbidden();
      assert.deepEqual([waiting.status, waiting.tally.created], ["waiting", 0]);
      await bank.run();
      assert.equal((await bank.got(id)).status, "finished");

      expect(
        await bank.accounts.undoImport(
          read(ImportStep, { statementImportId: id }),
          bank.as(bank.adaId),
        ),
      );
      assert.equal((await runForbidden()).status, "undoing");
      await bank.run();
      assert.equal((await bank.got(id)).status, "undone");
    });

    test("several processes settle each row once", async () => {
      await using bank = await given();
      const rows = Array.from({ length: 1_200 }, (_, i) => ({
        ...coffee,
        id: `r${i}`,
        date: `2026-0${1 + (i % 9)}-1${i % 9}`,
      }));
      const { id } = expect(await bank.send(ofx({ rows })));
      await Promise.all([bank.run(), bank.run(), bank.run()]);
      const { tally, status } = await bank.got(id);
      assert.deepEqual([status, tally.created], ["finished", 1_200]);
      const [mirror] = await bank.mirrors();
      assert.equal(mirror?.posted, -450n * 1_200n);
      const page = expect(
        await bank.accounts.listStatementRows(
          read(ListRows, { statementImportId: id, limit: 1_000 }),
          bank.as(bank.adaId),
        ),
      );
      assert.deepEqual([page.items.length, page.nextCursor !== undefined], [1_000, true]);
    });
  });
}
