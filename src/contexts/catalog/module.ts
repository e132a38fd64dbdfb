import path from "node:path";
import { expect } from "#kernel/result.ts";
import { createCatalog, type Catalog } from "./index.ts";
import type { IdentityProvides } from "#contexts/identity";
import { anyReadModel } from "#platform/events/rebuild.ts";
import type { Module, ModuleSettings, Wiring } from "#platform/process/module.ts";
import { announcer, consume, type Parts } from "#platform/process/parts.ts";
import type { OnPostgres, Profile } from "#platform/process/persistence.ts";
import { upstream } from "#platform/resilience/upstream.ts";
import type { CatalogScope } from "./application/ports/scope.ts";
import type { SearchModel } from "./application/search/project-search.ts";
import { degrading, type LevelSource, type PriceSource } from "./infrastructure/degrading.ts";
import { httpLevelSource, httpPriceSource } from "./infrastructure/http-parts.ts";
import { examined } from "./infrastructure/examine-upstream.ts";
import { postgresCatalog } from "./infrastructure/postgres-catalog.ts";
import { postgresLevelSource, postgresPriceSource } from "./infrastructure/postgres-parts.ts";
import { postgresSearchModel } from "./infrastructure/postgres-search-model.ts";
import { searchSchema } from "./infrastructure/postgres-search.ts";
import { identityConsumers, searchProjection } from "./presentation/consumers.ts";
import { catalogRoutes } from "./presentation/routes.ts";
import { demoProducts } from "./demo-data.ts";
import { catalogEvents } from "./domain/events.ts";
import { forgetImportRows } from "./infrastructure/postgres-imports.ts";
import { forgetReservations } from "./infrastructure/postgres-stocks.ts";
import { searchReadModel } from "./infrastructure/search-read-model.ts";
import { ProductId } from "./domain/ids.ts";
import { Sku } from "./domain/sku.ts";
import { Permissions } from "./application/permission.ts";
import { grants } from "./grants.ts";
import { settings as known } from "./settings.ts";

const schema = "catalog";
/** How often it looks for reservations that have expired. */
const releaseEveryMs = 1_000;
const jobWithinMs = 30_000;
/** How often it looks for imports that have arrived. */
const importEveryMs = 250;

type Settings = ModuleSettings<typeof known>;
type Needs = { readonly identity: IdentityProvides };

/** The adapters of the catalog that differ between Postgres and memory. */
export type CatalogAdapters<On extends Profile> = {
  readonly scope: (transaction: On["transaction"]) => CatalogScope;
  readonly searchModel: (transaction: On["transaction"]) => SearchModel;
  /** Stock and prices that are kept here. */
  readonly levels: LevelSource;
  readonly prices: PriceSource;
};
type AdaptersOn<On extends Profile> = (database: On["database"]) => CatalogAdapters<On>;

async function compose<On extends Profile>(
  adaptersOn: AdaptersOn<On>,
  parts: Parts<Settings, On>,
  { identity }: Needs,
) {
  const { settings, metrics, persistence, cache, jobs, clock, newId } = parts;
  const { scope, searchModel, levels, prices } = adaptersOn(persistence.database);
  const onAppended = announcer(parts, schema);
  const units = persistence.units({ schema, scope, onAppended });
  const sources = { levels: levelsOf(parts) ?? levels, prices: pricesOf(parts) ?? prices };
  const told = (part: string) => (status: string) => metrics.parts.inc({ part, status });
  const catalog = createCatalog({
    ...units,
    clock,
    newId,
    metrics,
    audit: persistence.audit,
    holderLimits: { reservations: settings.reservationsOfOne, units: settings.reservedUnitsOfOne },
    mayAct: identity.mayAct,
    stockLevels: degrading({
      name: "stock",
      source: sources.levels,
      cache,
      clock,
      keyOf: ({ productId }) => productId,
      onAnswer: told("stock"),
    }),
    currentPrices: degrading({
      name: "prices",
      source: sources.prices,
      cache,
      clock,
      keyOf: ({ productId, filter: { currency = "", list = "" } }) =>
        [productId, currency, list].join("/"),
      onAnswer: told("prices"),
    }),
  });

  if (settings.consumers) {
    const consumers = identityConsumers;
    const reading = { schema: "identity", into: schema, scope, onAppended, consumers };
    consume(parts, reading);
    const own = { schema, scope: searchModel, onAppended, consumers: [searchProjection] };
    consume(parts, own);
    jobs.add({
      name: "catalog.run-imports",
      everyMs: importEveryMs,
      withinMs: jobWithinMs,
      work: async (context, stopping) => expect(await catalog.runImports({ stopping }, context)),
    });
    jobs.add({
      name: "catalog.release-expired",
      everyMs: releaseEveryMs,
      withinMs: jobWithinMs,
      work: async (context, stopping) =>
        expect(await catalog.releaseExpired({ stopping }, context)),
    });
  }
  const prepare = () => warmUp(catalog, sources, parts);
  return { routes: catalogRoutes(catalog, parts.timers), provides: {}, prepare };
}

const warmingMs = 2_000;

/** Asks for a product page before the first client does: code is loaded, connections are open. */
async function warmUp(
  catalog: Catalog,
  { levels, prices }: { readonly levels: LevelSource; readonly prices: PriceSource },
  { clock, newId }: Pick<Parts<Settings>, "clock" | "newId">,
): Promise<undefined> {
  const productId = newId(ProductId);
  const context = {
    actor: "system",
    correlationId: "start",
    deadlineMs: clock.unixMs() + warmingMs,
  };
  const wanted = { productId, skus: async () => [expect(Sku.parse("WARM-UP"))] };
  await Promise.allSettled([
    catalog.getProduct({ productId }, context),
    levels(wanted, context),
    prices({ ...wanted, at: clock.now(), filter: {} }, context),
  ]);
  return undefined;
}

type Asking = Pick<Parts<Settings>, "settings" | "metrics" | "clock">;

/** The stock of the Basalt that the settings name. */
function levelsOf({ settings, metrics, clock }: Asking): LevelSource | undefined {
  if (settings.catalogStockUrl === undefined) return undefined;
  const baseUrl = settings.catalogStockUrl;
  const key = settings.catalogStockKey;
  return httpLevelSource({ baseUrl, key, upstream: upstream({ name: "stock", clock, metrics }) });
}

function pricesOf({ settings, metrics, clock }: Asking): PriceSource | undefined {
  if (settings.catalogPricesUrl === undefined) return undefined;
  const baseUrl = settings.catalogPricesUrl;
  const key = settings.catalogPricesKey;
  return httpPriceSource({ baseUrl, key, upstream: upstream({ name: "prices", clock, metrics }) });
}

/** The catalog, wired with these adapters. */
export const catalogWith = <On extends Profile>(
  adapters: AdaptersOn<On>,
): Wiring<On, typeof known, object, Needs> => ({
  name: schema,
  events: catalogEvents,
  isEventStore: true,
  settings: known,
  needs: ["identity"],
  permissions: Permissions,
  grants,
  compose: (parts, needs) => compose(adapters, parts, needs),
});

const onPostgres: AdaptersOn<OnPostgres> = (database) => ({
  scope: postgresCatalog(),
  searchModel: postgresSearchModel(searchSchema),
  levels: postgresLevelSource(database),
  prices: postgresPriceSource(database),
});

/** The catalog as a module. */
export const catalog: Module<typeof known, object, Needs> = {
  ...catalogWith(onPostgres),
  migrations: path.join(import.meta.dirname, "infrastructure/migrations"),
  readModels: [anyReadModel(searchReadModel(searchProjection))],
  blobFolders: () => [],
  chores: (database) => [forgetReservations(database), forgetImportRows(database)],
  examine: async (settings) => {
    const { catalogStockUrl: stock, catalogPricesUrl: prices } = settings;
    const found = await Promise.all([
      examined({
        setting: known.catalogStockUrl.env,
        resource: "stock",
        baseUrl: stock,
        key: settings.catalogStockKey,
      }),
      examined({
        setting: known.catalogPricesUrl.env,
        resource: "prices",
        baseUrl: prices,
        key: settings.catalogPricesKey,
      }),
    ]);
    return found.flat();
  },
  demoData: [demoProducts],
  addCommands() {},
};
