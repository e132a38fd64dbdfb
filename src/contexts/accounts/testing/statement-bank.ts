import assert from "node:assert/strict";
import { expect } from "#kernel/result.ts";
import { systemTimers } from "#platform/system.ts";
import { DecideMatch } from "../application/statements/decide-match.ts";
import { ListLines } from "../application/statements/read-statements.ts";
import { ImportStatements } from "../application/statements/receive-statements.ts";
import { ImportStep } from "../application/statements/undo-import.ts";
import { statementFile } from "../infrastructure/statements/statement-file.ts";
import { openBank, read, type OpenAccounts } from "./fixtures.ts";
import type { BankRow } from "./statement-files.ts";

export const coffee: BankRow = {
  id: "1",
  date: "2026-08-03",
  amount: "-4.50",
  name: "Blue Coffee",
};
export const rent: BankRow = { id: "2", date: "2026-08-01", amount: "-900.00", name: "Landlord" };
export const pay: BankRow = { id: "3", date: "2026-08-02", amount: "2500.00", name: "Employer" };
export const month = [coffee, pay, rent];

async function* inOne(text: string | Uint8Array): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** A bank whose customer Ada imports statements. */
export async function openStatements(
  open: OpenAccounts,
  more: Parameters<typeof openBank>[1] = {},
) {
  const bank = await openBank(open, more);
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
    expect(await accounts.listLines(read(ListLines, { accountId, ...more }), as(adaId))).items.map(
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
    expect(await accounts.undoImport(read(ImportStep, { statementImportId: importId }), as(adaId)));
    await run();
  };
  const tallyOf = async (content: string | Uint8Array, more: object = {}) => {
    const { tally } = await imported(content, more);
    return Object.fromEntries(Object.entries(tally).filter(([, n]) => n > 0));
  };
  return { ...bank, send, run, got, imported, mirrors, lines, doubtful, decide, undo, tallyOf };
}
