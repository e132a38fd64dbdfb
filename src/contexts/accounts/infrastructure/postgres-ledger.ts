import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import type { AccountsScope } from "../application/ports/scope.ts";
import { postgresAccounts } from "./postgres-accounts.ts";
import { postgresJournal } from "./postgres-journal.ts";
import { postgresPersonalData } from "./postgres-personal-data.ts";
import { postgresTransfers } from "./postgres-transfers.ts";

/** All repositories of accounts on one transaction. */
export const postgresLedger = (transaction: Transaction): AccountsScope => ({
  accounts: postgresAccounts(transaction),
  journal: postgresJournal(transaction),
  transfers: postgresTransfers(transaction),
  personalData: postgresPersonalData(transaction),
});
