import { following, progress } from "#platform/http/progress.ts";
import { del, get, post, type Route, type UploadedBody } from "#platform/http/route.ts";
import type { Timers } from "#platform/runtime.ts";
import { DecideMatch } from "../application/statements/decide-match.ts";
import {
  GetImport,
  GetLine,
  ListBalances,
  ListImports,
  ListLines,
  ListRows,
  ListWaiting,
} from "../application/statements/read-statements.ts";
import { ImportStatements } from "../application/statements/receive-statements.ts";
import { ImportStep } from "../application/statements/undo-import.ts";
import type { StatementImport } from "../domain/statement-import.ts";
import type { AccountsHandlers } from "../index.ts";
import {
  BalanceListView,
  ChainView,
  ImportListView,
  ImportView,
  LineListView,
  RowListView,
  RowView,
  toChain,
  toImport,
  toLine,
  toRow,
  toToldBalance,
} from "./statement-views.ts";

/** What browsers and banks call files of this kind. */
const mediaTypes = [
  "application/x-ofx",
  "application/ofx",
  "application/vnd.intu.qfx",
  "application/vnd.intu.qbo",
  "text/csv",
  "text/plain",
  "application/vnd.ms-excel",
  "application/octet-stream",
] as const;

const isAtAnEnd = ({ status }: StatementImport) => status === "finished" || status === "undone";

/** Reads a file of statements as it arrives. */
export type ReadFile = UploadedBody["read"];
type Serving = { readonly timers: Timers; readonly readFile: ReadFile };

const path = "/imports/statements/:statementImportId";
const seen = { "import-not-found": 404, forbidden: 403 } as const;
const one = {
  access: "signed-in",
  success: 200,
  output: ImportView,
  present: toImport,
} as const;
const rows = {
  access: "signed-in",
  success: 200,
  output: RowListView,
} as const;

const importing = (
  accounts: AccountsHandlers,
  { readFile }: Pick<Serving, "readFile">,
): readonly Route[] => [
  post("/imports/statements", {
    ...one,
    id: "importStatements",
    summary: "Import statements",
    description:
      "A file of a bank: OFX (QFX and QBO are such files), or CSV. Each account that the file names is opened for the caller " +
      "where none mirrors it yet; a file that names none needs `accountId`, an account that was opened with a " +
      "`provider`. Rows are matched after the whole file has arrived: each ends as created, matched, updated, ignored, doubtful or " +
      "quarantined. The same file twice changes nothing. `dryRun` only says what would become of each row.",
    input: ImportStatements,
    upload: {
      field: "content",
      mediaTypes,
      read: readFile,
      mayBegin: (context) => accounts.mayImportStatements({}, context),
    },
    handle: accounts.importStatements,
    success: 202,
    location: ({ id }) => `/imports/statements/${id}`,
    refusals: {
      "upload-invalid": 422,
      "provider-unknown": 422,
      "account-not-found": 422,
      "account-not-elsewhere": 422,
      forbidden: 403,
      conflict: 409,
    },
  }),
];

/** How far imports are, and what became of their rows. */
const watching = (
  accounts: AccountsHandlers,
  { timers }: Pick<Serving, "timers">,
): readonly Route[] => [
  get("/imports/statements", {
    access: "signed-in",
    id: "listStatementImports",
    summary: "List imports of statements",
    description: "The caller's imports, newest first.",
    input: ListImports,
    handle: accounts.listStatementImports,
    success: 200,
    output: ImportListView,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toImport) }),
    refusals: { forbidden: 403 },
  }),
  get(path, {
    ...one,
    id: "getStatementImport",
    summary: "Get an import of statements",
    description: "Its status, its accounts, and what became of its rows so far.",
    input: GetImport,
    handle: accounts.getStatementImport,
    refusals: seen,
  }),
  get(`${path}/progress`, {
    access: "signed-in",
    id: "followStatementImport",
    summary: "Follow an import of statements",
    description:
      "Server-sent events, each named after the status of the import. The data is the body of " +
      "`GET /imports/statements/{statementImportId}`.",
    input: GetImport,
    handle: following(accounts.getStatementImport),
    success: 200,
    stream: {
      mediaTypes: ["text/event-stream"],
      textOf: progress({ present: toImport, isAtAnEnd, timers }),
    },
    refusals: seen,
  }),
  get(`${path}/rows`, {
    ...rows,
    id: "listStatementRows",
    summary: "List the rows of an import of statements",
    description: "Each row as it came and what became of it, in the order of the file.",
    input: ListRows,
    handle: accounts.listStatementRows,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toRow) }),
    refusals: seen,
  }),
];

const stepped = {
  ...seen,
  "import-not-ready": 409,
  "account-inactive": 409,
  "day-reconciled": 409,
  conflict: 409,
} as const;

/** What a person does about an import after it has finished. */
const mending = (accounts: AccountsHandlers): readonly Route[] => [
  post(`${path}/undoing`, {
    ...one,
    id: "undoImport",
    summary: "Undo an import of statements",
    description:
      "Reverts everything that this import created, except lines that another import reported, too. A background job does it.",
    input: ImportStep,
    handle: accounts.undoImport,
    refusals: stepped,
  }),
  del(`${path}/undoing`, {
    ...one,
    id: "redoImport",
    summary: "Redo an import of statements",
    description: "Matches the rows of an undone import again.",
    input: ImportStep,
    handle: accounts.redoImport,
    refusals: stepped,
  }),
  post(`${path}/replay`, {
    ...one,
    id: "replayQuarantine",
    summary: "Read quarantined rows again",
    description: "For rows that a newer release of Basalt can read.",
    input: ImportStep,
    handle: accounts.replayQuarantine,
    refusals: stepped,
  }),
];

/** Rows that wait for somebody. */
const waiting = (accounts: AccountsHandlers): readonly Route[] => [
  get("/quarantine", {
    ...rows,
    id: "listQuarantine",
    summary: "List quarantined rows",
    description: "Rows of the caller's files that could not be read, and why. None is lost.",
    input: ListWaiting,
    handle: accounts.listQuarantine,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toRow) }),
    refusals: { forbidden: 403 },
  }),
  get("/matches", {
    ...rows,
    id: "listMatches",
    summary: "List doubtful rows",
    description:
      "Rows of the caller's files that may duplicate known lines, with the reason. They move no money until the caller decides.",
    input: ListWaiting,
    handle: accounts.listMatches,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toRow) }),
    refusals: { forbidden: 403 },
  }),
  post("/matches/:observationId/decision", {
    access: "signed-in",
    id: "decideMatch",
    summary: "Decide a doubtful row",
    description:
      "`same`: the row is of the line `lineId`, which says what the row says from now on. `new`: it is a line of its own. " +
      "`ignore`: it is none.",
    input: DecideMatch,
    handle: accounts.decideMatch,
    success: 200,
    output: RowView,
    present: toRow,
    refusals: {
      "match-not-found": 404,
      "match-decided": 409,
      "decision-invalid": 422,
      "account-inactive": 409,
      "day-reconciled": 409,
      "line-not-found": 422,
      forbidden: 403,
      conflict: 409,
    },
  }),
];

const reading = (accounts: AccountsHandlers): readonly Route[] => [
  get("/accounts/:accountId/transactions", {
    access: "signed-in",
    id: "listTransactions",
    summary: "List the transactions of an account elsewhere",
    description:
      "The lines of its statements, newest first. A removed line is listed only where `status=removed` asks for it.",
    input: ListLines,
    handle: accounts.listLines,
    success: 200,
    output: LineListView,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toLine) }),
    refusals: { "account-not-found": 404, forbidden: 403 },
  }),
  get("/transactions/:lineId", {
    access: "signed-in",
    id: "getTransaction",
    summary: "Get a transaction of an account elsewhere",
    description: "The line, and all that its provider told of it, oldest first.",
    input: GetLine,
    handle: accounts.getLine,
    success: 200,
    output: ChainView,
    present: toChain,
    refusals: { "line-not-found": 404, forbidden: 403 },
  }),
  get("/accounts/:accountId/balances", {
    access: "signed-in",
    id: "listToldBalances",
    summary: "List the balances that a provider reported",
    description:
      "Lists each reported balance, newest first, next to the balance that the lines of the account add up to on that day. If the two differ, lines are missing or doubled.",
    input: ListBalances,
    handle: accounts.listBalances,
    success: 200,
    output: BalanceListView,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toToldBalance) }),
    refusals: { "account-not-found": 404, forbidden: 403 },
  }),
];

export const statementRoutes = (accounts: AccountsHandlers, serving: Serving): readonly Route[] => [
  ...importing(accounts, serving),
  ...watching(accounts, serving),
  ...mending(accounts),
  ...waiting(accounts),
  ...reading(accounts),
];
