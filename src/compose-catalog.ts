import { randomUUID } from "node:crypto";
import type { Context } from "#kernel/context.ts";
import { expect } from "#kernel/result.ts";
import { createCatalog } from "#contexts/catalog";
import type { MayAct } from "#contexts/identity";
import { postgresAudit } from "#platform/audit/postgres-audit.ts";
import type { Cache } from "#platform/cache/cache.ts";
import { ConfigurationInvalid } from "#platform/config/load.ts";
import { settings as known } from "#platform/config/settings.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import { upstream } from "#platform/resilience/upstream.ts";
import { every } from "#platform/scheduler/every.ts";
import { systemClock as clock, systemIds as newId } from "#platform/system.ts";
import {
  degrading,
  type LevelSource,
  type PriceSource,
} from "./contexts/catalog/infrastructure/degrading.ts";
import { httpLevelSource, httpPriceSource } from "./contexts/catalog/infrastructure/http-parts.ts";
import { identityMayAct } from "./contexts/catalog/infrastructure/identity-may-act.ts";
import { postgresCatalog } from "./contexts/catalog/infrastructure/postgres-catalog.ts";
import {
  postgresLevelSource,
  postgresPriceSource,
} from "./contexts/catalog/infrastructure/postgres-parts.ts";
import { postgresSearchModel } from "./contexts/catalog/infrastructure/postgres-search-model.ts";
import { searchSchema } from "./contexts/catalog/infrastructure/postgres-search.ts";
import { identityConsumers, searchProjection } from "./contexts/catalog/presentation/consumers.ts";
import { catalogRoutes } from "./contexts/catalog/presentation/routes.ts";
import { announcer, consume, type Parts } from "./parts.ts";

const schema = "catalog";
/** How often it looks for reservations that have expired. */
const releaseEveryMs = 1_000;
const releaseWithinMs = 30_000;
/** How often it looks for imports that have arrived. */
const importEveryMs = 250;

type CatalogParts = Parts & { readonly cache: Cache; readonly mayAct: MayAct };

export async function composeCatalog(parts: CatalogParts, undo: AsyncDisposableStack) {
  const { settings, metrics, database, cache, log } = parts;
  const onAppended = announcer(parts, schema);
  const scope = postgresCatalog();
  const units = postgresUnitOfWork({ database, schema, scope, onAppended, clock, newId });
  const told = (part: string) => (status: string) => metrics.parts.inc({ part, status });
  const catalog = createCatalog({
    ...{ ...units, clock, newId, metrics },
    audit: postgresAudit(database),
    mayAct: identityMayAct(parts.mayAct),
    stockLevels: degrading({
      ...{ name: "stock", source: levelsOf(parts), cache, clock },
      keyOf: ({ productId }) => productId,
      onAnswer: told("stock"),
    }),
    currentPrices: degrading({
      ...{ name: "prices", source: pricesOf(parts), cache, clock },
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
    undo.use(
      every({
        ...{ name: "catalog.run-imports", everyMs: importEveryMs, log },
        work: async () => failIn(expect(await catalog.runImports({}, taskContext()))),
      }),
    );
    undo.use(
      every({
        ...{ name: "catalog.release-expired", everyMs: releaseEveryMs, log },
        work: async () => failIn(expect(await catalog.releaseExpired({}, taskContext()))),
      }),
    );
  }
  return { routes: catalogRoutes(catalog) };
}

/** Kept here, or by whoever the settings name. */
function levelsOf({ settings, database, metrics }: Parts): LevelSource {
  if (settings.catalogStockUrl === undefined) return postgresLevelSource(database);
  const baseUrl = addressIn(known.catalogStockUrl.env, settings.catalogStockUrl);
  const key = settings.catalogStockKey;
  return httpLevelSource({ baseUrl, key, upstream: upstream({ name: "stock", clock, metrics }) });
}

function pricesOf({ settings, database, metrics }: Parts): PriceSource {
  if (settings.catalogPricesUrl === undefined) return postgresPriceSource(database);
  const baseUrl = addressIn(known.catalogPricesUrl.env, settings.catalogPricesUrl);
  const key = settings.catalogPricesKey;
  return httpPriceSource({ baseUrl, key, upstream: upstream({ name: "prices", clock, metrics }) });
}

function addressIn(env: string, text: string): string {
  if (URL.canParse(text) && /^https?:/.test(text)) return text;
  throw new ConfigurationInvalid([`${env} must be an http or https address`]);
}

/** What a task could not do, for whoever runs it to say. */
function failIn({ failures }: { readonly failures: readonly unknown[] }): void {
  if (failures.length > 0) throw new AggregateError(failures, String(failures[0]));
}

const taskContext = (): Context => ({
  actor: "system",
  correlationId: `task-${randomUUID()}`,
  deadlineMs: clock.unixMs() + releaseWithinMs,
});
