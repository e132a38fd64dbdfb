import { postgresAudit } from "#platform/audit/postgres-audit.ts";
import { postgresChanges } from "#platform/cache/postgres-changes.ts";
import { eventAdmin } from "#platform/events/admin.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import { systemClock, systemIds as newId } from "#platform/system.ts";
import { grants } from "../grants.ts";
import { grantDefaults } from "../infrastructure/postgres-policies.ts";
import { postgresIdentity } from "../infrastructure/postgres-identity.ts";
import { testDatabase } from "#test/database.ts";
import type { OpenIdentity } from "./fixtures.ts";

export const postgresSubject: OpenIdentity = async (clock, onAppended) => {
  // Deadlines are of the test's clock, which may be turned: the database's own would have passed.
  const opened = await testDatabase({ clock: { ...systemClock, unixMs: () => clock.unixMs() } });
  const { database } = opened;
  await grantDefaults(database, grants);
  const admin = eventAdmin(database, "identity");
  return {
    ...postgresUnitOfWork({
      database,
      schema: "identity",
      clock,
      newId,
      onAppended,
      scope: postgresIdentity(newId),
    }),
    audit: postgresAudit(database),
    changes: postgresChanges(database, "identity"),
    events: async () => (await admin.list({ limit: 1_000 })).map(({ type }) => type),
    everything: () =>
      opened.sql(
        `select to_jsonb(t) from identity.events t union all select to_jsonb(t) from audit.entries t
         union all select to_jsonb(t) from identity.users t
         union all select to_jsonb(t) from identity.credentials t
         union all select to_jsonb(t) from identity.sessions t
         union all select to_jsonb(t) from identity.api_keys t`,
      ),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
};
