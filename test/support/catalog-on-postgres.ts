import { postgresAudit } from "#platform/audit/postgres-audit.ts";
import { eventAdmin } from "#platform/events/admin.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import { systemClock, systemIds as newId } from "#platform/system.ts";
import { postgresCatalog as scope } from "../../src/contexts/catalog/infrastructure/postgres-catalog.ts";
import {
  postgresLevelSource,
  postgresPriceSource,
} from "../../src/contexts/catalog/infrastructure/postgres-parts.ts";
import type { CatalogSubject, OpenCatalog } from "./catalog.ts";
import { testDatabase, type TestDatabase } from "./database.ts";

export type PostgresCatalog = CatalogSubject & { readonly opened: TestDatabase };

export const postgresSubject = async (
  ...[clock]: Parameters<OpenCatalog>
): Promise<PostgresCatalog> => {
  // Deadlines are of the test's clock, which may be turned: the database's own would have passed.
  const opened = await testDatabase({ clock: { ...systemClock, unixMs: () => clock.unixMs() } });
  const { database } = opened;
  const admin = eventAdmin(database, "catalog");
  return {
    ...postgresUnitOfWork({
      ...{ database, schema: "catalog", scope, clock, newId, onAppended: () => {} },
    }),
    opened,
    audit: postgresAudit(database),
    sources: { levels: postgresLevelSource(database), prices: postgresPriceSource(database) },
    events: async () => (await admin.list({ limit: 1_000 })).map(({ type }) => type),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
};
