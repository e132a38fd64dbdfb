import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import { GetLine, ListLines, ListRows } from "../application/statements/read-statements.ts";
import { ImportStep } from "../application/statements/undo-import.ts";
import { read, type OpenAccounts } from "./fixtures.ts";
import { coffee, month, openStatements, pay, rent } from "./statement-bank.ts";
import { ofx } from "./statement-files.ts";

/** That what people decide, undo and take back leaves a book that adds up, on every adapter. */
export function statementDecisionsContract(name: string, open: OpenAccounts): void {
  const given = () => openStatements(open);

  describe(`decisions on statements on ${name}`, () => {
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
