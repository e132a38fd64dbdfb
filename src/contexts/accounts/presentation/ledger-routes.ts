import { get, type Route } from "#platform/http/route.ts";
import { ExportLedger } from "../application/ledger/export-ledger.ts";
import { GetTrialBalance } from "../application/ledger/read-ledger.ts";
import type { AccountsHandlers } from "../index.ts";
import { ledgerExport } from "./exports/export.ts";
import { toTrial, TrialBalanceView } from "./views.ts";

export const ledgerRoutes = (accounts: AccountsHandlers): readonly Route[] => [
  get("/exports/ledger", {
    access: "signed-in",
    id: "exportLedger",
    summary: "Export the journal",
    description:
      "All journal entries as plain text that hledger or Beancount reads, or as CSV with a row for each posting; `ofx` has a statement " +
      "for each account instead. Requires `ledger:read`.",
    input: ExportLedger,
    handle: accounts.exportLedger,
    success: 200,
    stream: ledgerExport,
    refusals: { forbidden: 403 },
  }),
  get("/trial-balance", {
    access: "signed-in",
    id: "getTrialBalance",
    summary: "Get the trial balance",
    description:
      "What each account with postings had at an instant, now by default, and the sums by currency, " +
      "which are zero in a book that balances. Requires `ledger:read`.",
    input: GetTrialBalance,
    handle: accounts.getTrialBalance,
    success: 200,
    output: TrialBalanceView,
    present: toTrial,
    refusals: { forbidden: 403 },
  }),
];
