import { eventAdmin } from "#platform/events/admin.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import { systemClock, systemIds as newId } from "#platform/system.ts";
import { testDatabase, type TestDatabase } from "#test/database.ts";
import { postgresLedger } from "../infrastructure/postgres-ledger.ts";
import type { AccountsSubject, OpenAccounts } from "./fixtures.ts";

export type PostgresAccounts = AccountsSubject & { readonly opened: TestDatabase };

export const postgresSubject = async (
  ...[clock]: Parameters<OpenAccounts>
): Promise<PostgresAccounts> => {
  // Deadlines are of the test's clock, which may be turned: the database's own would have passed.
  const opened = await testDatabase({ clock: { ...systemClock, unixMs: () => clock.unixMs() } });
  const { database } = opened;
  const admin = eventAdmin(database, "accounts");
  return {
    ...postgresUnitOfWork({
      database,
      schema: "accounts",
      scope: postgresLedger,
      clock,
      newId,
      onAppended: () => {},
    }),
    opened,
    async payloads() {
      return JSON.stringify(await opened.sql("select payload from accounts.events"));
    },
    events: async () => (await admin.list({ limit: 1_000 })).map(({ type }) => type),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
};
