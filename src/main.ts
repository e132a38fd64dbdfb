import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import pgConnectionString from "pg-connection-string";
import type { ClientConfig } from "pg";
import type { Logger } from "pino";
import { auditHealth, keepChained } from "#platform/audit/postgres-audit.ts";
import type { Cache } from "#platform/cache/cache.ts";
import { memoryCache } from "#platform/cache/memory-cache.ts";
import type { Settings } from "#platform/config/settings.ts";
import { eventAdmin } from "#platform/events/admin.ts";
import { eventMonitor, type EventMonitor } from "#platform/events/health.ts";
import { mendPositions } from "#platform/events/mend-positions.ts";
import { keepHouse, type Chore } from "#platform/events/housekeeping.ts";
import { PostgresNotify } from "#platform/events/postgres-notify.ts";
import { WakeUp } from "#platform/events/wake-up.ts";
import { serveOperations } from "#platform/http/operations.ts";
import { createHttpServer } from "#platform/http/server.ts";
import { appRole, restrictToRole } from "#platform/postgres/app-role.ts";
import { Database } from "#platform/postgres/database.ts";
import { EmbeddedPostgres } from "#platform/postgres/embedded.ts";
import { ensureDatabase, migrate, type MigrationSource } from "#platform/postgres/migrations.ts";
import { memoryRateLimits, redisRateLimits } from "#platform/rate-limit/flexible-rate-limits.ts";
import type { RateLimits } from "#platform/rate-limit/rate-limit.ts";
import { createSecrets, masterKeys, type Secrets } from "#platform/secrets/secrets.ts";
import { masterKeyFile } from "#platform/secrets/master-key-file.ts";
import { systemClock as clock } from "#platform/system.ts";
import { createMetrics } from "#platform/telemetry/metrics.ts";
import { databaseIsUp, watch } from "#platform/telemetry/platform-gauges.ts";
import { exportTraces } from "#platform/telemetry/tracing.ts";
import { composeCatalog } from "./compose-catalog.ts";
import { composeIdentity } from "./compose-identity.ts";
import { asyncApiOf } from "./documents.ts";
import type { Parts } from "./parts.ts";
import { forgetImportRows } from "./contexts/catalog/infrastructure/postgres-imports.ts";
import { searchReadModel } from "./contexts/catalog/infrastructure/search-read-model.ts";
import { searchProjection } from "./contexts/catalog/presentation/consumers.ts";
import { forgetReservations } from "./contexts/catalog/infrastructure/postgres-stocks.ts";
import { forgetSessions } from "./contexts/identity/infrastructure/postgres-sessions.ts";

const source = import.meta.dirname;

export const { version } = JSON.parse(
  readFileSync(path.join(source, "../package.json"), "utf8"),
) as { readonly version: string };

/** The schemas of Basalt: one per context, each with an event log of its own. */
export const contexts = ["identity", "catalog"] as const;

/** Logs that aggregates and read models are made of: what they hold is never deleted. */
const eventStores: ReadonlySet<string> = new Set(["catalog"]);

/** Read models, each in a schema of its own. */
export const readModels = [searchReadModel(searchProjection)] as const;
const schemas = [...contexts, ...readModels.map(({ schema }) => schema)];

const migrationSources: readonly MigrationSource[] = [
  { schema: "audit", source: "audit", folder: path.join(source, "platform/audit/migrations") },
  ...contexts.flatMap((schema) => [
    { schema, source: "platform", folder: path.join(source, "platform/events/migrations") },
    {
      schema,
      source: schema,
      folder: path.join(source, `contexts/${schema}/infrastructure/migrations`),
    },
  ]),
  ...readModels.map(({ schema, folder }) => ({ schema, source: schema, folder })),
];

type Opening = {
  /** Whether one that another process runs will do; no, unless said. */
  readonly shared: boolean;
  /** Whether a new one is made where there is none; yes, unless said. */
  readonly makes: boolean;
};

/** A Postgres to work with: the one that is configured, one that already runs, or our own. */
export async function openPostgres(
  { databaseUrl, dataFolder }: Settings,
  log: Logger,
  { shared = false, makes = true }: Partial<Opening> = {},
): Promise<{ readonly connection: ClientConfig; readonly embedded?: EmbeddedPostgres }> {
  if (databaseUrl !== undefined)
    return { connection: pgConnectionString.parseIntoClientConfig(databaseUrl) };
  const running = shared ? EmbeddedPostgres.running(dataFolder) : undefined;
  if (running) return { connection: running };
  if (!makes && !EmbeddedPostgres.isIn(dataFolder))
    throw new Error(
      `There is no database in ${dataFolder}. Start Basalt first, or give this command the ` +
        "BASALT_DATA_DIR or BASALT_DATABASE_URL of the server.",
    );

  const embedded = await EmbeddedPostgres.start({ folder: dataFolder, log });
  await ensureDatabase(embedded.connection);
  return { connection: embedded.connection, embedded };
}

export const migrateAll = (connection: ClientConfig) => migrate(connection, migrationSources);

/** `role`: what its connections take on; the login's own unless said. */
export function openDatabase(
  settings: Settings,
  connection: ClientConfig,
  log: Logger,
  role?: string,
): Database {
  return new Database({
    connection,
    role,
    clock,
    maxConnections: settings.databaseMaxConnections,
    acquireTimeoutMs: settings.databaseAcquireTimeoutMs,
    statementTimeoutMs: settings.databaseStatementTimeoutMs,
    idleInTransactionTimeoutMs: settings.databaseIdleInTransactionTimeoutMs,
    onIdleError: (error) => log.warn({ error: error.message }, "a database connection ended"),
  });
}

/** What processes share besides the database. Loads the Redis client only where it is needed. */
async function openShared(
  { redisUrl }: Settings,
  log: Logger,
  undo: AsyncDisposableStack,
): Promise<{ readonly cache: Cache; readonly limits: RateLimits }> {
  if (redisUrl === undefined) return { cache: memoryCache(), limits: memoryRateLimits };
  const { openRedis } = await import("#platform/redis/redis.ts");
  const { redisCache } = await import("#platform/cache/redis-cache.ts");
  const redis = undo.use(await openRedis(redisUrl, log));
  return { cache: redisCache(redis), limits: redisRateLimits(redis) };
}

/** What goes on beside the requests: gauges, housekeeping, the chain of the audit. */
function tend(
  settings: Settings,
  { database, metrics, log }: Pick<Parts, "database" | "metrics" | "log">,
  undo: AsyncDisposableStack,
): EventMonitor {
  const admins = Object.fromEntries(
    contexts.map((schema) => {
      const isEventStore = eventStores.has(schema);
      return [schema, { ...eventAdmin(database, schema), isEventStore }];
    }),
  );
  const logs = Object.values(admins).map(({ health }) => health);
  const monitor = eventMonitor([...logs, () => auditHealth(database)]);
  watch(metrics, database, monitor);
  undo.use(keepHouse(Object.values(admins), settings, log, choresOf(settings, database)));
  undo.use(keepChained(database, log));
  return monitor;
}

/** As the owner of the tables: the application may draw positions, not set them. */
async function mendLogs(settings: Settings, connection: ClientConfig, log: Logger) {
  await using owner = openDatabase(settings, connection, log);
  for (const schema of contexts)
    if (await mendPositions(owner, schema))
      log.warn({ schema }, "the positions of an event log were behind: was it restored in parts?");
}

export const openSecrets = ({ masterKey, dataFolder }: Settings): Secrets =>
  createSecrets(masterKeys(masterKey ?? masterKeyFile(dataFolder)));

/** Names this process among those that share the consumers' work. */
const holder = (): string => `${os.hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`;

const attemptsPerS = 15 * 60;

/** Attempts are counted for all processes; requests by each one, since that is once per request. */
const limitersOf = (settings: Settings, limits: RateLimits) => ({
  requests: memoryRateLimits("requests", { points: settings.requestsPerMinute, perS: 60 }),
  byAddress: limits("address", { points: settings.attemptsPerAddress, perS: attemptsPerS }),
  byAccount: limits("account", { points: settings.attemptsPerAccount, perS: attemptsPerS }),
});

/** How long sessions are kept after they were over. */
const endedSessionHours = 720;

const choresOf = ({ sessionIdleHours }: Settings, database: Database): readonly Chore[] => [
  forgetSessions(database, sessionIdleHours + endedSessionHours),
  forgetReservations(database),
  forgetImportRows(database),
];

/** Who administers from now on, where nobody did; `made`: the password, known nowhere else. */
export type FirstAdministrator = { readonly email: string; readonly made?: string };

export type Basalt = AsyncDisposable & {
  readonly app: FastifyInstance;
  readonly embedded: EmbeddedPostgres | undefined;
  readonly url: string;
};

/**
 * Builds everything from the settings and serves. What was begun is undone if a step fails.
 * `introduce` hears at once of an administrator who was made: a later step may fail.
 */
export async function startBasalt(
  settings: Settings,
  log: Logger,
  introduce: (administrator: FirstAdministrator) => void = () => {},
): Promise<Basalt> {
  await using undo = new AsyncDisposableStack();
  const metrics = createMetrics();
  if (settings.otlpEndpoint !== undefined) undo.use(await exportTraces(settings.otlpEndpoint, log));

  const { connection, embedded } = await openPostgres(settings, log);
  undo.use(embedded);
  for (const applied of await migrateAll(connection)) log.info(applied, "migrated");
  await mendLogs(settings, connection, log);
  const isRestricted = await restrictToRole(connection, schemas);
  if (!isRestricted)
    log.warn({ role: appRole }, "the login may not make roles: works as its owner");
  const role = isRestricted ? appRole : undefined;
  const database = undo.use(openDatabase(settings, connection, log, role));

  const wakeUps = new Map<string, WakeUp>(contexts.map((schema) => [schema, new WakeUp()]));
  const others = embedded ? undefined : new PostgresNotify({ database, connection, wakeUps, log });
  if (others) undo.use(await others.start());
  const { troubles } = tend(settings, { database, metrics, log }, undo);
  const { cache, limits } = await openShared(settings, log, undo);

  const secrets = openSecrets(settings);
  const parts = { settings, log, metrics, database, secrets, wakeUps, process: holder(), others };
  const identity = await composeIdentity(parts, undo);
  const catalog = await composeCatalog({ ...parts, cache, mayAct: identity.mayAct }, undo);
  let draining = false;
  const app = await createHttpServer({
    ...settings,
    version,
    production: settings.environment === "production",
    routes: [...identity.routes, ...catalog.routes],
    authenticate: identity.authenticate,
    probe: () => databaseIsUp(database),
    limiters: limitersOf(settings, limits),
    fingerprints: (request) => secrets.signByAll(request, "idempotency"),
    clock,
    log,
    metrics,
  });
  serveOperations(app, {
    version,
    jwks: identity.jwks,
    asyncApi: asyncApiOf(version),
    docs: settings.docs ?? settings.environment !== "production",
    metrics,
    checks: [
      { name: "postgres", isUp: () => databaseIsUp(database) },
      { name: "cache", isUp: cache.isUp },
    ],
    troubles,
    isDraining: () => draining,
  });
  undo.defer(async () => {
    draining = true;
    await drain(app, settings.shutdownTimeoutMs);
  });
  const administrator = await identity.ensureAdministrator();
  if (administrator) introduce(administrator);
  await app.listen({ host: settings.host, port: settings.port });

  const running = undo.move();
  const { address, family, port } = app.server.address() as AddressInfo;
  const host = family === "IPv6" ? `[${address}]` : address;
  return {
    app,
    embedded,
    url: `http://${host}:${port}`,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

const closeIdleEveryMs = 50;

/** Lets running requests end; after the timeout, their connections are closed. */
async function drain(app: FastifyInstance, timeoutMs: number): Promise<void> {
  const late = setTimeout(() => app.server.closeAllConnections(), timeoutMs);
  // A connection that was busy when the close began idles afterwards, and would be waited for.
  const idle = setInterval(() => app.server.closeIdleConnections(), closeIdleEveryMs);
  await app.close();
  clearInterval(idle);
  clearTimeout(late);
}
