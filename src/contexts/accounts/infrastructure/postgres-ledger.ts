import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import type { AccountsScope } from "../application/ports/scope.ts";
import { postgresAccounts } from "./postgres-accounts.ts";
import { postgresConnections } from "./postgres-connections.ts";
import { postgresHoldings } from "./postgres-holdings.ts";
import { postgresImports } from "./postgres-imports.ts";
import { postgresJournal } from "./postgres-journal.ts";
import { postgresBalances, postgresLines } from "./postgres-lines.ts";
import { postgresPersonalData } from "./postgres-personal-data.ts";
import { postgresRates } from "./postgres-rates.ts";
import { postgresSyncs } from "./postgres-syncs.ts";
import { postgresTransfers } from "./postgres-transfers.ts";

/** All repositories of accounts on one transaction. */
export const postgresLedger = (transaction: Transaction): AccountsScope => ({
  accounts: postgresAccounts(transaction),
  journal: postgresJournal(transaction),
  transfers: postgresTransfers(transaction),
  imports: postgresImports(transaction),
  lines: postgresLines(transaction),
  balances: postgresBalances(transaction),
  connections: postgresConnections(transaction),
  syncs: postgresSyncs(transaction),
  rates: postgresRates(transaction),
  holdings: postgresHoldings(transaction),
  personalData: postgresPersonalData(transaction),
});
