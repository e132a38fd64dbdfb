import type { WakeUp } from "#platform/events/wake-up.ts";
import type { Route } from "#platform/http/route.ts";
import type { Timers } from "#platform/runtime.ts";
import type { AccountsHandlers } from "../index.ts";
import { accountRoutes } from "./account-routes.ts";
import { changeRoutes } from "./change-routes.ts";
import { connectionRoutes } from "./connection-routes.ts";
import { entryRoutes } from "./entry-routes.ts";
import { ledgerRoutes } from "./ledger-routes.ts";
import { reconciliationRoutes } from "./reconciliation-routes.ts";
import { statementRoutes, type ReadFile } from "./statement-routes.ts";
import { worthRoutes } from "./worth-routes.ts";
import { transferRoutes } from "./transfer-routes.ts";

/** Everything that accounts answer over HTTP. */
export const accountsRoutes = (
  accounts: AccountsHandlers,
  told: { readonly wakeUp: WakeUp; readonly timers: Timers; readonly readFile: ReadFile },
): readonly Route[] => [
  ...accountRoutes(accounts),
  ...changeRoutes(accounts, told),
  ...transferRoutes(accounts),
  ...entryRoutes(accounts),
  ...ledgerRoutes(accounts),
  ...statementRoutes(accounts, told),
  ...reconciliationRoutes(accounts),
  ...connectionRoutes(accounts, told),
  ...worthRoutes(accounts),
];
