import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import { systemTimers } from "#platform/system.ts";
import { DecideMatch } from "../application/statements/decide-match.ts";
import {
  GetLine,
  ListBalances,
  ListLines,
  ListRows,
} from "../application/statements/read-statements.ts";
import { ImportStatements } from "../application/statements/receive-statements.ts";
import { ImportStep } from "../application/statements/undo-import.ts";
import { statementFile } from "../infrastructure/statements/statement-file.ts";
import { openBank, read, type OpenAccounts } from "./fixtures.ts";
import { ofx, ofxOf, statementOf, type BankRow } from "./statement-files.ts";

const coffee: BankRow = { id: "1", date: "2026-08-03", amount: "-4.50", name: "Blue Coffee" };
const rent: BankRow = { id: "2", date: "2026-08-01", amount: "-900.00", name: "Landlord" };
const pay: BankRow = { id: "3", date: "2026-08-02", amount: "2500.00", name: "Employer" };
const month = [coffee, pay, rent];

async function* inOne(text: string | Uint8Array): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** That statements become lines and entries once, on every adapter. */
export function statementsContract(name: string, open: OpenAccounts): void {
  async function given() {
    const bank = await openBank(open);
    const { accounts, as, adaId } = bank;
    const file = (content: string | Uint8Array) => statementFile(inOne(content), systemTimers);
    const send = (content: string | Uint8Array, more: object = {}, actor: string = adaId) =>
      accounts.importStatements(
        read(ImportStatements, { provider: "chase", content: file(content), ...more }),
        as(actor),
      );
    const run = async () =>
      assert.deepEqual(expect(await accounts.runStatements({}, as("system"))).failures, []);
    const got = async (importId: string) =>
      expect(
        await accounts.getStatementImport(
          read(ImportStep, { statementImportId: importId }),
          as(adaId),
        ),
      );
    const imported = async (content: string | Uint8Array, more: object = {}) => {
      const { id } = expect(await send(content, more));
      await run();
      return got(id);
    };
    const mirrors = async () =>
      expect(await accounts.listAccounts({}, as(adaId))).items.filter(({ elsewhere }) => elsewhere);
    const lines = async (accountId: string, more: object = {}) =>
      expect(
        await accounts.listLines(read(ListLines, { accountId, ...more }), as(adaId)),
      ).items.map(
        ({ date, amount, counterparty, status }) =>
          `${date} ${amount.minor} ${counterparty} ${status}`,
      );
    const doubtful = async () => expect(await accounts.listMatches({}, as(adaId))).items;
    const decide = (
      observationId: string,
      decision: string,
      lineId?: string,
      actor: string = adaId,
    ) =>
      accounts.decideMatch(
        read(DecideMatch, { observationId, decision, ...(lineId === undefined ? {} : { lineId }) }),
        as(actor),
      );
    const undo = async (importId: string) => {
      expect(
        await accounts.undoImport(read(ImportStep, { statementImportId: importId }), as(adaId)),
      );
      await run();
    };
    const tallyOf = async (content: string | Uint8Array, more: object = {}) => {
      const { tally } = await imported(content, more);
      return Object.fromEntries(Object.entries(tally).filter(([, n]) => n > 0));
    };
    return { ...bank, send, run, got, imported, mirrors, lines, doubtful, decide, undo, tallyOf };
  }

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

    test("an id with other content waits for a decision, which says why", async () => {
      await using bank = await given();
      await bank.imported(ofx({ rows: month }));
      const [mirror] = await bank.mirrors();
      const accountId = mirror?.id ?? "";
      assert.deepEqual(await bank.tallyOf(ofx({ rows: [{ ...coffee, amount: "-5.50" }] })), {
        doubtful: 1,
      });
      const [doubt] = await bank.doubtful();
      assert.ok(doubt?.reason?.type === "doubtful");
      const [suspect] = doubt.reason.suspects;
      assert.deepEqual(suspect?.because, ["same-id", "other-content"]);
      assert.equal((await bank.lines(accountId)).length, 3, "nothing has happened yet");

      const stranger = await bank.decide(doubt.id, "same", suspect.lineId, bank.bobId);
      assert.equal(stranger.ok, false);
      const decided = expect(await bank.decide(doubt.id, "same", suspect.lineId));
      assert.equal(decided.outcome, "updated");
      assert.ok((await bank.lines(accountId)).includes("2026-08-03 -550 Blue Coffee booked"));
      assert.equal((await bank.mirrors())[0]?.posted, 159_450n);
      assert.deepEqual((await bank.got(doubt.importId)).tally.updated, 1);
      const again = await bank.decide(doubt.id, "new");
      assert.deepEqual(!again.ok && again.error, { type: "match-decided", outcome: "updated" });
    });

    test("a line that another file calls otherwise waits for a decision", async () => {
      await using bank = await given();
      await bank.imported(ofx({ rows: month }));
      assert.deepEqual(await bank.tallyOf(ofx({ rows: [{ ...coffee, id: "new" }, pay] })), {
        doubtful: 1,
        matched: 1,
      });
      const [doubt] = await bank.doubtful();
      expect(await bank.decide(doubt?.id ?? "", "new"));
      const [mirror] = await bank.mirrors();
      assert.equal((await bank.lines(mirror?.id ?? "")).length, 4);
      assert.deepEqual(await bank.doubtful(), []);
    });

    test("a correction replaces a line or takes it back, and the chain is kept", async () => {
      await using bank = await given();
      await bank.imported(ofx({ rows: month }));
      const corrected = {
        ...coffee,
        id: "1b",
        amount: "-4.75",
        more: "<CORRECTFITID>1<CORRECTACTION>REPLACE",
      };
      const gone = { ...rent, id: "2b", more: "<CORRECTFITID>2<CORRECTACTION>DELETE" };
      assert.deepEqual(await bank.tallyOf(ofx({ rows: [corrected, gone] })), { updated: 2 });
      const [mirror] = await bank.mirrors();
      const accountId = mirror?.id ?? "";
      assert.deepEqual(await bank.lines(accountId), [
        "2026-08-03 -475 Blue Coffee booked",
        "2026-08-02 250000 Employer booked",
      ]);
      assert.equal(mirror?.posted, 249_525n);
      const found = expect(
        await bank.accounts.listLines(read(ListLines, { accountId }), bank.as(bank.adaId)),
      );
      const lineId = found.items[0]?.id;
      assert.ok(lineId);
      const chain = expect(
        await bank.accounts.getLine(read(GetLine, { lineId }), bank.as(bank.adaId)),
      );
      assert.deepEqual(
        chain.observations.map(({ observation, outcome }) => [observation?.amount.minor, outcome]),
        [
          [-450n, "created"],
          [-475n, "updated"],
        ],
      );
    });

    test("rows that nobody can read are kept apart, and read again when somebody can", async () => {
      await using bank = await given();
      const wrong = { ...rent, id: "5", date: "2026-13-01" };
      const exact = { ...rent, id: "6", amount: "-1.234" };
      const file = ofx({ rows: [coffee, wrong, exact, { ...pay, amount: "0" }] });
      const { id, tally } = await bank.imported(file);
      assert.deepEqual([tally.created, tally.quarantined, tally.ignored], [1, 2, 1]);
      const waiting = expect(await bank.accounts.listQuarantine({}, bank.as(bank.adaId))).items;
      assert.deepEqual(
        waiting.map(({ line, reason }) => [line, reason]),
        [
          [13, { type: "row-unreadable", reason: "date-invalid", field: "DTPOSTED" }],
          [14, { type: "row-unreadable", reason: "amount-too-exact", field: "TRNAMT" }],
        ],
      );
      expect(
        await bank.accounts.replayQuarantine(
          read(ImportStep, { statementImportId: id }),
          bank.as(bank.adaId),
        ),
      );
      await bank.run();
      assert.deepEqual((await bank.got(id)).tally, tally);
    });

    test("a decision leaves the balance as its bank told it", async () => {
      await using bank = await given();
      await bank.imported(ofx({ rows: month, balance: ["1700.00", "2026-08-20"] }));
      await bank.imported(ofx({ rows: [{ ...coffee, amount: "-5.50" }] }));
      const [doubt] = await bank.doubtful();
      expect(await bank.decide(doubt?.id ?? "", "new"));
      assert.equal((await bank.mirrors())[0]?.posted, 170_000n);
    });

    test("a dry run is decided by nobody", async () => {
      await using bank = await given();
      await bank.imported(ofx({ rows: month }));
      const { id } = await bank.imported(ofx({ rows: [{ ...coffee, amount: "-5.50" }] }), {
        dryRun: true,
      });
      const rows = { statementImportId: id };
      const found = expect(
        await bank.accounts.listStatementRows(read(ListRows, rows), bank.as(bank.adaId)),
      );
      const observationId = found.items[0]?.id ?? "";
      const decided = await bank.decide(observationId, "new");
      assert.deepEqual(!decided.ok && decided.error, { type: "match-not-found", observationId });
    });

    test("a deactivated account takes no lines, and gives none back", async () => {
      await using bank = await given();
      const nothing = [coffee, { ...coffee, id: "2", amount: "4.50" }];
      const { id } = await bank.imported(ofx({ rows: nothing }));
      const [mirror] = await bank.mirrors();
      assert.ok(mirror);
      expect(
        await bank.accounts.deactivateAccount(
          bank.step(mirror.id, mirror.version),
          bank.as(bank.adaId),
        ),
      );
      assert.deepEqual(await bank.tallyOf(ofx({ rows: month })), { quarantined: 3 });
      const undone = await bank.accounts.undoImport(
        read(ImportStep, { statementImportId: id }),
        bank.as(bank.adaId),
      );
      assert.deepEqual(!undone.ok && undone.error, {
        type: "account-inactive",
        accountId: mirror.id,
      });
    });

    test("an import that waits when its owner is erased is gone, and holds nobody up", async () => {
      await using bank = await given();
      const { id } = expect(await bank.send(ofx({ rows: month })));
      await bank.subject.unitOfWork(bank.as("system"), async ({ personalData }) => {
        await personalData.erase(bank.adaId);
        return { ok: true, value: undefined } as const;
      });
      await bank.run();
      const found = await bank.accounts.getStatementImport(
        read(ImportStep, { statementImportId: id }),
        bank.as(bank.adaId),
      );
      assert.equal(found.ok, false);
    });

    test("a correction that comes twice, or after an older file, changes nothing more", async () => {
      await using bank = await given();
      const older = ofx({ rows: month });
      const gone = { ...rent, id: "2b", more: "<CORRECTFITID>2<CORRECTACTION>DELETE" };
      const newer = ofx({ rows: [gone] });
      await bank.imported(older);
      assert.deepEqual(await bank.tallyOf(newer), { updated: 1 });
      assert.deepEqual(await bank.tallyOf(newer), { matched: 1 });
      assert.deepEqual(await bank.tallyOf(older), { matched: 3 });
      assert.equal((await bank.mirrors())[0]?.posted, 249_550n);
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

    test("an import is undone and done again as a whole", async () => {
      await using bank = await given();
      const first = await bank.imported(
        ofx({ rows: [pay, rent], balance: ["1700.00", "2026-08-02"] }),
      );
      const second = await bank.imported(ofx({ rows: month, balance: ["1695.50", "2026-08-20"] }));
      const [mirror] = await bank.mirrors();
      const accountId = mirror?.id ?? "";
      await bank.undo(first.id);
      assert.equal((await bank.got(first.id)).status, "undone");
      assert.equal((await bank.lines(accountId)).length, 3, "the second file still says so");
      assert.equal((await bank.mirrors())[0]?.posted, 169_550n);
      await bank.undo(second.id);
      assert.deepEqual(await bank.lines(accountId), []);
      assert.equal((await bank.mirrors())[0]?.posted, 0n);
      expect(
        await bank.accounts.redoImport(
          read(ImportStep, { statementImportId: second.id }),
          bank.as(bank.adaId),
        ),
      );
      await bank.run();
      assert.deepEqual((await bank.got(second.id)).tally, {
        ...second.tally,
        created: 3,
        matched: 0,
      });
      assert.equal((await bank.mirrors())[0]?.posted, 169_550n);
      const twice = await bank.accounts.redoImport(
        read(ImportStep, { statementImportId: second.id }),
        bank.as(bank.adaId),
      );
      assert.equal(twice.ok, false);
    });

    test("a dry run says what would happen, and changes nothing", async () => {
      await using bank = await given();
      const dryRun = { dryRun: true };
      assert.deepEqual(await bank.tallyOf(ofx({ rows: month }), dryRun), { created: 3 });
      assert.deepEqual(await bank.mirrors(), []);
      await bank.imported(ofx({ rows: month }));
      const events = (await bank.subject.events()).length;
      assert.deepEqual(
        await bank.tallyOf(
          ofx({ rows: [...month, { ...coffee, id: "7", date: "2026-08-09" }] }),
          dryRun,
        ),
        {
          created: 1,
          matched: 3,
        },
      );
      assert.equal((await bank.subject.events()).length, events + 2);
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

    test("nothing that a bank told of a person is left when they are erased", async () => {
      await using bank = await given();
      await bank.imported(ofx({ rows: month, balance: ["1", "2026-08-20"] }));
      const context = bank.as("system");
      const [mirror] = await bank.mirrors();
      await bank.subject.unitOfWork(context, async ({ personalData }) => {
        await personalData.erase(bank.adaId);
        return { ok: true, value: undefined } as const;
      });
      const lines = await bank.lines(mirror?.id ?? "");
      assert.equal(lines.length, 3);
      assert.ok(lines.every((line) => line.includes("undefined")));
      assert.doesNotMatch(await bank.subject.payloads(), /Landlord|Blue Coffee|111122223333/);
    });
  });
}
