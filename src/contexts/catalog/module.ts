import path from "node:path";
import { expect } from "#kernel/result.ts";
import { createCatalog } from "./index.ts";
import type { IdentityProvides } from "#contexts/identity";
import { postgresAudit } from "#platform/audit/postgres-audit.ts";
import { ConfigurationInvalid } from "#platform/config/load.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import { anyReadModel } from "#platform/events/rebuild.ts";
import type { Module, ModuleSettings } from "#platform/process/module.ts";
import { announcer, consume, type Parts as AnyParts } from "#platform/process/parts.ts";
import { upstream } from "#platform/resilience/upstream.ts";
import { degrading, type LevelSource, type PriceSource } from "./infrastructure/degrading.ts";
import { httpLevelSource, httpPriceSource } from "./infrastructure/http-parts.ts";
import { examined } from "./infrastructure/examine-upstream.ts";
import { postgresCatalog } from "./infrastructure/postgres-catalog.ts";
import { postgresLevelSource, postgresPriceSource } from "./infrastructure/postgres-parts.ts";
import { postgresSearchModel } from "./infrastructure/postgres-search-model.ts";
import { searchSchema } from "./infrastructure/postgres-search.ts";
import { identityConsumers, searchProjection } from "./presentation/consumers.ts";
import { catalogRoutes } from "./presentation/routes.ts";
import { addCatalogCommands } from "./commands.ts";
import { catalogEvents } from "./domain/events.ts";
import { forgetImportRows } from "./infrastructure/postgres-imports.ts";
import { forgetReservations } from "./infrastructure/postgres-stocks.ts";
import { searchReadModel } from "./infrastructure/search-read-model.ts";
import { grants } from "./grants.ts";
import { settings as known } from "./settings.ts";

const schema = "catalog";
/** How often it looks for reservations that have expired. */
const releaseEveryMs = 1_000;
const jobWithinMs = 30_000;
/** How often it looks for imports that have arrived. */
const importEveryMs = 250;

type Settings = ModuleSettings<typeof known>;
type Parts = AnyParts<Settings>;
type Needs = { readonly identity: IdentityProvides };

async function compose(parts: Parts, { identity }: Needs, undo: AsyncDisposableStack) {
  const { settings, metrics, database, cache, jobs, clock, newId } = parts;
  const onAppended = announcer(parts, schema);
  const scope = postgresCatalog();
  const units = postgresUnitOfWork({ database, schema, scope, onAppended, clock, newId });
  const told = (part: string) => (status: string) => metrics.parts.inc({ part, status });
  const catalog = createCatalog({
    ...units,
    clock,
    newId,
    metrics,
    audit: postgresAudit(database),
    mayAct: identity.mayAct,
    stockLevels: degrading({
      name: "stock",
      source: levelsOf(parts),
      cache,
      clock,
      keyOf: ({ productId }) => productId,
      onAnswer: told("stock"),
    }),
    currentPrices: degrading({
      name: "prices",
      source: pricesOf(parts),
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
    await consume({ ...parts, ...reading }, undo);
    const own = { schema, scope: postgresSearchModel(searchSchema), onAppended };
    await consume({ ...parts, ...own, consumers: [searchProjection] }, undo);
    jobs.add({
      name: "catalog.run-imports",
      everyMs: importEveryMs,
      withinMs: jobWithinMs,
      work: async (context) => failIn(expect(await catalog.runImports({}, context))),
    });
    jobs.add({
      name: "catalog.release-expired",
      everyMs: releaseEveryMs,
      withinMs: jobWithinMs,
      work: async (context) => failIn(expect(await catalog.releaseExpired({}, context))),
    });
  }
  return { routes: catalogRoutes(catalog, parts.timers), provides: {} };
}

/** The catalog's own stock, or that of the Basalt that the settings name. */
function levelsOf({ settings, database, metrics, clock }: Parts): LevelSource {
  if (settings.catalogStockUrl === undefined) return postgresLevelSource(database);
  const baseUrl = addressIn(known.catalogStockUrl.env, settings.catalogStockUrl);
  const key = settings.catalogStockKey;
  return httpLevelSource({ baseUrl, key, upstream: upstream({ name: "stock", clock, metrics }) });
}

function pricesOf({ settings, database, metrics, clock }: Parts): PriceSource {
  if (settings.catalogPricesUrl === undefined) return postgresPriceSource(database);
  const baseUrl = addressIn(known.catalogPricesUrl.env, settings.catalogPricesUrl);
  const key = settings.catalogPricesKey;
  return httpPriceSource({ baseUrl, key, upstream: upstream({ name: "prices", clock, metrics }) });
}

function addressIn(env: string, text: string): string {
  if (URL.canParse(text) && /^https?:/.test(text)) return text;
  throw new ConfigurationInvalid([`${env} must be an http or https address`]);
}

/** What a job could not do, for its caller to log. */
function failIn({ failures }: { readonly failures: readonly unknown[] }): void {
  if (failures.length > 0) throw new AggregateError(failures, String(failures[0]));
}

/** The catalog as a module. */
export const catalog: Module<typeof known, object, Needs> = {
  name: schema,
  events: catalogEvents,
  isEventStore: true,
  settings: known,
  migrations: path.join(import.meta.dirname, "infrastructure/migrations"),
  needs: ["identity"],
  grants,
  readModels: [anyReadModel(searchReadModel(searchProjection))],
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
  addCommands: addCatalogCommands,
  compose,
};
