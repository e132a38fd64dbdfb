import { postgresAudit } from "#platform/audit/postgres-audit.ts";
import { eventAdmin } from "#platform/events/admin.ts";
import { postgresSubscription } from "#platform/events/postgres-subscription.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import { systemClock, systemIds as newId } from "#platform/system.ts";
import { postgresCatalog } from "../../src/contexts/catalog/infrastructure/postgres-catalog.ts";
import {
  postgresLevelSource,
  postgresPriceSource,
} from "../../src/contexts/catalog/infrastructure/postgres-parts.ts";
import { postgresSearchModel } from "../../src/contexts/catalog/infrastructure/postgres-search-model.ts";
import { searchSchema } from "../../src/contexts/catalog/infrastructure/postgres-search.ts";
import { searchProjection } from "../../src/contexts/catalog/presentation/consumers.ts";
import { projected, type CatalogSubject, type OpenCatalog } from "./catalog.ts";
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
      ...{ database, schema: "catalog", scope: postgresCatalog(), clock, newId },
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
          ...{ database, schema: "catalog", name: searchProjection.name },
          ...{ scope: postgresSearchModel(searchSchema), clock, newId, onAppended: () => {} },
        }),
        searchProjection,
      ),
    audit: postgresAudit(database),
    sources: { levels: postgresLevelSource(database), prices: postgresPriceSource(database) },
    events: async () => (await admin.list({ limit: 1_000 })).map(({ type }) => type),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
};
