import type { Accounts } from "./accounts.ts";
import type { Connections, Syncs } from "./connections.ts";
import type { Holdings } from "./holdings.ts";
import type { Journal } from "./journal.ts";
import type { PersonalData } from "./personal-data.ts";
import type { Balances, Imports, Lines } from "./statements.ts";
import type { Rates } from "./rates.ts";
import type { Transfers } from "./transfers.ts";

/** All repositories of accounts, bound to one transaction. */
export type AccountsScope = {
  readonly accounts: Accounts;
  readonly journal: Journal;
  readonly transfers: Transfers;
  readonly imports: Imports;
  readonly lines: Lines;
  readonly balances: Balances;
  readonly connections: Connections;
  readonly syncs: Syncs;
  readonly rates: Rates;
  readonly holdings: Holdings;
  readonly personalData: PersonalData;
};
