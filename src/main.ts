import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import pgConnectionString from "pg-connection-string";
import type { ClientConfig } from "pg";
import type { Logger } from "pino";
import { createIdentity } from "#identity";
import type { Cache } from "#platform/cache/cache.ts";
import { memoryCache } from "#platform/cache/memory-cache.ts";
import type { Settings } from "#platform/config/settings.ts";
import { fileEmail, smtpEmail } from "#platform/email/nodemailer-email.ts";
import { eventAdmin } from "#platform/events/admin.ts";
import type { AnyConsumer } from "#platform/events/consumer.ts";
import { renewEpoch } from "#platform/events/epoch.ts";
import { keepHouse } from "#platform/events/housekeeping.ts";
import { PostgresNotify } from "#platform/events/postgres-notify.ts";
import { postgresSubscription } from "#platform/events/postgres-subscription.ts";
import { Subscription } from "#platform/events/subscription.ts";
import { WakeUp } from "#platform/events/wake-up.ts";
import { serveOperations } from "#platform/http/operations.ts";
import { createHttpServer } from "#platform/http/server.ts";
import { Database } from "#platform/postgres/database.ts";
import { EmbeddedPostgres } from "#platform/postgres/embedded.ts";
import { ensureDatabase, migrate, type MigrationSource } from "#platform/postgres/migrations.ts";
import { postgresUnitOfWork, type ScopeOn } from "#platform/postgres/unit-of-work.ts";
import { systemClock as clock, systemIds as newId } from "#platform/system.ts";
import { createMetrics, type Metrics } from "#platform/telemetry/metrics.ts";
import { databaseIsUp, watch } from "#platform/telemetry/platform-gauges.ts";
import { exportTraces } from "#platform/telemetry/tracing.ts";
import { welcomeUser } from "./contexts/identity/application/welcome-user.ts";
import { postgresUsers } from "./contexts/identity/infrastructure/postgres-users.ts";
import { identityConsumers } from "./contexts/identity/presentation/consumers.ts";
import { identityRoutes } from "./contexts/identity/presentation/routes.ts";

const source = import.meta.dirname;

export const { version } = JSON.parse(
  readFileSync(path.join(source, "../package.json"), "utf8"),
) as { readonly version: string };

/** The schemas of Basalt: one per context, each with an event log of its own. */
export const contexts = ["identity"] as const;

const migrationSources: readonly MigrationSource[] = contexts.flatMap((schema) => [
  { schema, source: "platform", folder: path.join(source, "platform/events/migrations") },
  {
    schema,
    source: schema,
    folder: path.join(source, `contexts/${schema}/infrastructure/migrations`),
  },
]);

/** A Postgres to work with: the one that is configured, one that already runs, or our own. */
export async function openPostgres(
  { databaseUrl, dataFolder }: Settings,
  log: Logger,
  { shared }: { readonly shared: boolean },
): Promise<{ readonly connection: ClientConfig; readonly embedded?: EmbeddedPostgres }> {
  if (databaseUrl !== undefined)
    return { connection: pgConnectionString.parseIntoClientConfig(databaseUrl) };
  const running = shared ? EmbeddedPostgres.running(dataFolder) : undefined;
  if (running) return { connection: running };

  const embedded = await EmbeddedPostgres.start({ folder: dataFolder, log });
  await ensureDatabase(embedded.connection);
  return { connection: embedded.connection, embedded };
}

export const migrateAll = (connection: ClientConfig) => migrate(connection, migrationSources);

export function openDatabase(settings: Settings, connection: ClientConfig, log: Logger): Database {
  return new Database({
    connection,
    clock,
    maxConnections: settings.databaseMaxConnections,
    acquireTimeoutMs: settings.databaseAcquireTimeoutMs,
    statementTimeoutMs: settings.databaseStatementTimeoutMs,
    idleInTransactionTimeoutMs: settings.databaseIdleInTransactionTimeoutMs,
    onIdleError: (error) => log.warn({ error: error.message }, "a database connection ended"),
  });
}

/** Loads the Redis client only where Redis is configured. */
export async function openCache({ redisUrl }: Settings, log: Logger): Promise<Cache> {
  if (redisUrl === undefined) return memoryCache();
  const { redisCache } = await import("#platform/cache/redis-cache.ts");
  return redisCache(redisUrl, log);
}

export type Basalt = AsyncDisposable & {
  readonly app: FastifyInstance;
  readonly embedded: EmbeddedPostgres | undefined;
  readonly url: string;
};

/** Builds everything from the settings and serves. What was begun is undone if a step fails. */
export async function startBasalt(settings: Settings, log: Logger): Promise<Basalt> {
  await using undo = new AsyncDisposableStack();
  const metrics = createMetrics();
  if (settings.otlpEndpoint !== undefined) undo.use(await exportTraces(settings.otlpEndpoint, log));

  const { connection, embedded } = await openPostgres(settings, log, { shared: false });
  undo.use(embedded);
  for (const applied of await migrateAll(connection)) log.info(applied, "migrated");
  const database = undo.use(openDatabase(settings, connection, log));
  for (const schema of contexts)
    if ((await renewEpoch(database, schema)).restored) log.warn({ schema }, "a restored event log");

  const wakeUps = new Map<string, WakeUp>(contexts.map((schema) => [schema, new WakeUp()]));
  const others = embedded ? undefined : new PostgresNotify({ database, connection, wakeUps, log });
  if (others) undo.use(await others.start());
  const admins = Object.fromEntries(
    contexts.map((schema) => [schema, eventAdmin(database, schema)]),
  );
  watch(metrics, database, admins);
  const { eventRetentionDays: eventDays, idempotencyRetentionHours: idempotencyHours } = settings;
  undo.use(keepHouse(Object.values(admins), { eventDays, idempotencyHours }, log));
  const cache = undo.use(await openCache(settings, log));

  const parts = { settings, log, metrics, database, wakeUps, others };
  const identity = await composeIdentity(parts, undo);
  let draining = false;
  const app = await createHttpServer({
    ...settings,
    version,
    production: settings.environment === "production",
    routes: identity.routes,
    clock,
    log,
    metrics,
  });
  serveOperations(app, {
    version,
    apiPrefix: settings.apiPrefix,
    docs: settings.docs ?? settings.environment !== "production",
    metrics,
    checks: [
      { name: "postgres", isUp: () => databaseIsUp(database) },
      { name: "cache", isUp: cache.isUp },
    ],
    isDraining: () => draining,
  });
  await app.listen({ host: settings.host, port: settings.port });

  const running = undo.move();
  running.defer(async () => {
    draining = true;
    await drain(app, settings.shutdownTimeoutMs);
  });
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

type Parts = {
  readonly settings: Settings;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly database: Database;
  readonly wakeUps: ReadonlyMap<string, WakeUp>;
  readonly others: PostgresNotify | undefined;
};

async function composeIdentity(parts: Parts, undo: AsyncDisposableStack) {
  const { settings, metrics, database } = parts;
  const schema = "identity";
  const onAppended = announcer(parts, schema);
  const scope: ScopeOn<{ readonly users: ReturnType<typeof postgresUsers> }> = (transaction) => ({
    users: postgresUsers(transaction),
  });
  const recorder = { clock, newId };
  const units = postgresUnitOfWork({ ...recorder, database, schema, scope, onAppended });
  const identity = createIdentity({ ...units, ...recorder, metrics });

  const { smtpUrl, emailFrom, dataFolder } = settings;
  const sendEmail =
    smtpUrl === undefined
      ? fileEmail(path.join(dataFolder, "email"), emailFrom)
      : undo.use(smtpEmail(smtpUrl, emailFrom));
  const consumers = identityConsumers({ welcome: welcomeUser({ sendEmail }) });
  if (settings.consumers) await consume({ ...parts, schema, scope, onAppended, consumers }, undo);
  return { routes: identityRoutes(identity) };
}

/** Wakes the readers of a log, here and in other processes. */
function announcer({ wakeUps, others }: Parts, schema: string): () => void {
  const wakeUp = wakeUps.get(schema);
  return () => {
    wakeUp?.call();
    others?.announce(schema);
  };
}

type Consuming<Scope> = Parts & {
  readonly schema: string;
  readonly scope: ScopeOn<Scope>;
  readonly onAppended: () => void;
  readonly consumers: readonly AnyConsumer<Scope>[];
};

async function consume<Scope>(parts: Consuming<Scope>, undo: AsyncDisposableStack): Promise<void> {
  const { schema, consumers, settings, log, metrics, wakeUps } = parts;
  for (const consumer of consumers) {
    const { name, partitions } = consumer;
    const store = await postgresSubscription({ ...parts, clock, newId, name, partitions });
    const subscription = new Subscription({
      consumer,
      store,
      wakeUp: wakeUps.get(schema) ?? new WakeUp(),
      process: randomUUID(),
      clock,
      chance: Math.random,
      log,
      observer: {
        handled({ outcome, events, durationMs }) {
          metrics.consumed.inc({ consumer: name, outcome }, events);
          metrics.consuming.observe({ consumer: name }, durationMs / 1000);
        },
      },
      times: { maxAttempts: settings.eventMaxAttempts },
    });
    undo.use(subscription.start());
  }
}
