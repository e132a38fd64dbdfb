import path from "node:path";
import type { IdentityProvides } from "#contexts/identity";
import { expect } from "#kernel/result.ts";
import { WakeUp } from "#platform/events/wake-up.ts";
import type { Module, ModuleSettings, Wiring } from "#platform/process/module.ts";
import { announcer, consume, type Parts } from "#platform/process/parts.ts";
import type { OnPostgres, Profile } from "#platform/process/persistence.ts";
import { examineMasterKeys } from "#platform/secrets/examine-master-keys.ts";
import type { AccountsScope } from "./application/ports/scope.ts";
import { addAccountsCommands } from "./commands.ts";
import { demoAccounts } from "./demo-data.ts";
import { accountsEvents } from "./domain/events.ts";
import { Permissions } from "./application/permission.ts";
import { grants } from "./grants.ts";
import { createAccounts } from "./index.ts";
import { chainEntries } from "./infrastructure/ledger-chain.ts";
import { neededMasterKeys } from "./infrastructure/postgres-connections.ts";
import { forgetArrivingStatements } from "./infrastructure/postgres-imports.ts";
import { postgresLedger } from "./infrastructure/postgres-ledger.ts";
import { alone } from "#platform/scheduler/alone.ts";
import { providersBy } from "./infrastructure/providers/configured.ts";
import { credentialSealing } from "./infrastructure/providers/credentials.ts";
import { statementFile } from "./infrastructure/statements/statement-file.ts";
import { identityConsumers } from "./presentation/consumers.ts";
import { accountsRoutes } from "./presentation/routes.ts";
import { settings as known } from "./settings.ts";

const schema = "accounts";
/** How often it looks for transfers whose time is over. */
const expireEveryMs = 1_000;
const expireWithinMs = 30_000;
/** How often it looks for statements that have arrived, and for what is to be fetched. */
const importEveryMs = 250;
/** A run of syncs waits for the answers of providers. */
const syncWithinMs = 60_000;
/** How often it looks for logins that end. */
const watchEveryMs = 60_000;
const hourMs = 3_600_000;

type Settings = ModuleSettings<typeof known>;
type Needs = { readonly identity: IdentityProvides };
type ScopeOn<On extends Profile> = (transaction: On["transaction"]) => AccountsScope;

async function compose<On extends Profile>(
  scope: ScopeOn<On>,
  parts: Parts<Settings, On>,
  { identity }: Needs,
) {
  const { persistence, metrics, clock, timers, newId, jobs, settings, secrets, chance } = parts;
  const working = { schema, scope, onAppended: announcer(parts, schema) };
  const accounts = createAccounts({
    ...persistence.units(working),
    audit: persistence.audit,
    mayAct: identity.mayAct,
    providers: providersBy(settings, { clock, metrics }),
    alone: alone(persistence.leases, parts.process),
    sealing: credentialSealing(secrets),
    syncEveryMs: settings.syncEveryHours * hourMs,
    chance,
    clock,
    newId,
    metrics,
  });
  if (settings.consumers) {
    const reading = { ...working, schema: "identity", into: schema, consumers: identityConsumers };
    consume(parts, reading);
    jobs.add({
      name: "accounts.expire-transfers",
      everyMs: expireEveryMs,
      withinMs: expireWithinMs,
      work: async (context, stopping) =>
        expect(await accounts.expireTransfers({ stopping }, context)),
    });
    jobs.add({
      name: "accounts.run-statements",
      everyMs: importEveryMs,
      withinMs: expireWithinMs,
      work: async (context, stopping) =>
        expect(await accounts.runStatements({ stopping }, context)),
    });
    jobs.add({
      name: "accounts.run-syncs",
      everyMs: importEveryMs,
      withinMs: syncWithinMs,
      work: async (context, stopping) => expect(await accounts.runSyncs({ stopping }, context)),
    });
    jobs.add({
      name: "accounts.watch-logins",
      everyMs: watchEveryMs,
      withinMs: expireWithinMs,
      work: async (context, stopping) => expect(await accounts.watchLogins({ stopping }, context)),
    });
  }
  const wakeUp = parts.wakeUps.get(schema) ?? new WakeUp(timers);
  const readFile = (body: AsyncIterable<Uint8Array>) => statementFile(body, timers);
  return { routes: accountsRoutes(accounts, { wakeUp, timers, readFile }), provides: {} };
}

/** Accounts, wired on Postgres or in memory. */
export const accountsWith = <On extends Profile>(
  scope: ScopeOn<On>,
): Wiring<On, typeof known, object, Needs> => ({
  name: schema,
  events: accountsEvents,
  isEventStore: false,
  settings: known,
  needs: ["identity"],
  permissions: Permissions,
  grants,
  compose: (parts, needs) => compose(scope, parts, needs),
});

/** Accounts as a module. */
export const accounts: Module<typeof known, object, Needs> = {
  ...accountsWith<OnPostgres>(postgresLedger),
  migrations: path.join(import.meta.dirname, "infrastructure/migrations"),
  readModels: [],
  blobFolders: () => [],
  chores: (database) => [chainEntries(database), forgetArrivingStatements(database)],
  examine: async (settings, database) =>
    database
      ? [examineMasterKeys("master key of connections", await neededMasterKeys(database), settings)]
      : [],
  demoData: [demoAccounts],
  addCommands: addAccountsCommands,
};
