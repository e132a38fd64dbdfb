/**
 * Accounts: money, in a double-entry book.
 *
 * - **account**: holds money of one currency for its owner; accounts of the book are the other side
 * - **entry**: of the journal: postings that sum to zero in each currency; never changed, only reversed
 * - **exchange**: an entry in two currencies, through the accounts of the book that trade in them
 * - **posting**: money into an account, or out of it
 * - **transfer**: moves money between accounts, at once or after holding it; its legs happen all or none
 * - **mirror**: an account that shows one at a provider; only its statements move its money
 * - **agreement**: the owner agrees to a balance of a day; lines up to it stay as they are
 * - **observation**: what a provider said of a line once; never changed
 * - **connection**: what a provider lets its customer fetch over its API
 * - **holding**: what an account elsewhere has besides money, as its provider values it
 * - **sync**: one run that fetches it; its rows are matched as those of a file are
 * - **line**: of a statement: what its newest observation says; a booked one has an entry
 * - **hold**: money of a pending transfer: still on the account, and not available
 */
import type { Alone } from "#kernel/alone.ts";
import type { Audit } from "#kernel/audit.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { MayAct } from "#kernel/permission.ts";
import type { Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { createHandlers } from "#platform/handlers/handlers.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import {
  deactivateAccount,
  editAccount,
  reactivateAccount,
} from "./application/accounts/change-account.ts";
import { connectProvider, reconnect } from "./application/connections/connect-provider.ts";
import { finishLogin } from "./application/connections/finish-login.ts";
import { watchLogins } from "./application/connections/watch-logins.ts";
import { disconnect } from "./application/connections/disconnect.ts";
import {
  getConnection,
  getSync,
  listConnections,
  listProviders,
  listSyncs,
} from "./application/connections/read-connections.ts";
import { requestSync } from "./application/connections/request-sync.ts";
import { runSyncs } from "./application/connections/run-syncs.ts";
import { followAccounts } from "./application/accounts/follow-accounts.ts";
import { openAccount } from "./application/accounts/open-account.ts";
import { getAccount, getBalance, listAccounts } from "./application/accounts/read-accounts.ts";
import { exportLedger } from "./application/ledger/export-ledger.ts";
import { makeExchange } from "./application/ledger/make-exchange.ts";
import { postEntry, reverseEntry } from "./application/ledger/post-entry.ts";
import { getEntry, getStatement, getTrialBalance } from "./application/ledger/read-ledger.ts";
import type { CredentialSealing } from "./application/ports/connections.ts";
import type { AccountsScope } from "./application/ports/scope.ts";
import {
  liftAgreement,
  listAgreements,
  reconcile,
} from "./application/reconciliations/reconcile.ts";
import { decideMatch } from "./application/statements/decide-match.ts";
import {
  getLine,
  getStatementImport,
  listBalances,
  listLines,
  listStatementImports,
  listStatementRows,
  listWaitingRows,
} from "./application/statements/read-statements.ts";
import {
  importStatements,
  mayImportStatements,
} from "./application/statements/receive-statements.ts";
import { runStatements } from "./application/statements/run-imports.ts";
import { redoImport, replayQuarantine, undoImport } from "./application/statements/undo-import.ts";
import type { Provider } from "./application/ports/providers.ts";
import { listHoldings } from "./application/worth/list-holdings.ts";
import { getNetWorth } from "./application/worth/net-worth.ts";
import { quoteRate } from "./application/worth/quote-rate.ts";
import { listTransfers } from "./application/transfers/list-transfers.ts";
import { makeTransfer } from "./application/transfers/make-transfer.ts";
import {
  expireTransfers,
  getTransfer,
  postTransfer,
  voidTransfer,
} from "./application/transfers/resolve-transfer.ts";

export { accountsEvents, type AccountsEvent } from "./domain/events.ts";

export type AccountsDeps = {
  /** Who keeps accounts elsewhere. */
  readonly providers: readonly Provider[];
  readonly sealing: CredentialSealing;
  readonly alone: Alone;
  /** How often each connection is synced. */
  readonly syncEveryMs: number;
  readonly chance: () => number;
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly read: Read<AccountsScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly metrics: Metrics;
  readonly audit: Pick<Audit, "enter">;
  /** Entries of an export that are read at once. */
  readonly exportBatch?: number;
};

/** All that accounts can be asked to do. */
export const createAccounts = (deps: AccountsDeps) =>
  createHandlers(
    "accounts",
    {
      openAccount: openAccount(deps),
      editAccount: editAccount(deps),
      deactivateAccount: deactivateAccount(deps),
      reactivateAccount: reactivateAccount(deps),
      getAccount: getAccount(deps),
      listAccounts: listAccounts(deps),
      getBalance: getBalance(deps),
      followAccounts: followAccounts(deps),

      postEntry: postEntry(deps),
      reverseEntry: reverseEntry(deps),
      makeExchange: makeExchange(deps),
      getEntry: getEntry(deps),
      getStatement: getStatement(deps),
      getTrialBalance: getTrialBalance(deps),
      exportLedger: exportLedger(deps),

      makeTransfer: makeTransfer(deps),
      postTransfer: postTransfer(deps),
      voidTransfer: voidTransfer(deps),
      getTransfer: getTransfer(deps),
      listTransfers: listTransfers(deps),
      expireTransfers: expireTransfers(deps),

      mayImportStatements: mayImportStatements(deps),
      importStatements: importStatements(deps),
      runStatements: runStatements(deps),
      getStatementImport: getStatementImport(deps),
      listStatementImports: listStatementImports(deps),
      listStatementRows: listStatementRows(deps),
      undoImport: undoImport(deps),
      redoImport: redoImport(deps),
      replayQuarantine: replayQuarantine(deps),
      listMatches: listWaitingRows(deps, "doubtful"),
      listQuarantine: listWaitingRows(deps, "quarantined"),
      decideMatch: decideMatch(deps),
      listLines: listLines(deps),
      getLine: getLine(deps),
      listBalances: listBalances(deps),

      reconcile: reconcile(deps),
      listAgreements: listAgreements(deps),
      liftAgreement: liftAgreement(deps),

      listProviders: listProviders(deps),
      connectProvider: connectProvider(deps),
      reconnect: reconnect(deps),
      finishLogin: finishLogin(deps),
      disconnect: disconnect(deps),
      getConnection: getConnection(deps),
      listConnections: listConnections(deps),
      requestSync: requestSync(deps),
      listSyncs: listSyncs(deps),
      getSync: getSync(deps),
      runSyncs: runSyncs(deps),
      watchLogins: watchLogins(deps),

      quoteRate: quoteRate(deps),
      listHoldings: listHoldings(deps),
      getNetWorth: getNetWorth(deps),
    },
    { ...deps, denials: ["forbidden"] },
  );

export type AccountsHandlers = ReturnType<typeof createAccounts>;
