import { postgresAudit } from "#platform/audit/postgres-audit.ts";
import { eventAdmin } from "#platform/events/admin.ts";
import { postgresSubscription } from "#platform/events/postgres-subscription.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import { systemClock, systemIds as newId } from "#platform/system.ts";
import { postgresCatalog } from "../infrastructure/postgres-catalog.ts";
import { postgresLevelSource, postgresPriceSource } from "../infrastructure/postgres-parts.ts";
import { postgresSearchModel } from "../infrastructure/postgres-search-model.ts";
import { searchSchema } from "../infrastructure/postgres-search.ts";
import { searchProjection } from "../presentation/consumers.ts";
import { projected, type CatalogSubject, type OpenCatalog } from "./fixtures.ts";
import { testDatabase, type TestDatabase } from "#test/database.ts";

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
      database,
      schema: "catalog",
      scope: postgresCatalog(),
      clock,
      newId,
      onAppended: () => {},
    }),
    opened,
    async stagedRows() {
      const [row] = await opened.sql("select count(*)::int as n from catalog.import_rows");
      return Number(row?.["n"]);
    },
    project: () =>
      projected(
        postgresSubscription({
          database,
          schema: "catalog",
          name: searchProjection.name,
          scope: postgresSearchModel(searchSchema),
          clock,
          newId,
          onAppended: () => {},
        }),
        searchProjection,
      ),
    audit: postgresAudit(database),
    sources: { levels: postgresLevelSource(database), prices: postgresPriceSource(database) },
    events: async () => (await admin.list({ limit: 1_000 })).map(({ type }) => type),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
};
