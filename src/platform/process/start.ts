import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import os from "node:os";
import type { FastifyInstance } from "fastify";
import type { ClientConfig } from "pg";
import type { Logger } from "pino";
import { auditHealth, chaining } from "../audit/postgres-audit.ts";
import type { Cache } from "../cache/cache.ts";
import { memoryCache } from "../cache/memory-cache.ts";
import type { Settings } from "../config/settings.ts";
import { eventAdmin } from "../events/admin.ts";
import { eventMonitor, type EventMonitor } from "../events/health.ts";
import { housekeeping } from "../events/housekeeping.ts";
import { mendPositions } from "../events/mend-positions.ts";
import { PostgresNotify } from "../events/postgres-notify.ts";
import { WakeUp } from "../events/wake-up.ts";
import { appRole, loginOf, restrictToRole } from "../postgres/app-role.ts";
import type { Database } from "../postgres/database.ts";
import type { EmbeddedPostgres } from "../postgres/embedded.ts";
import { memoryRateLimits, redisRateLimits } from "../rate-limit/flexible-rate-limits.ts";
import type { RateLimits } from "../rate-limit/rate-limit.ts";
import { Jobs } from "../scheduler/jobs.ts";
import { forgetLeases } from "../scheduler/postgres-leases.ts";
import { systemRuntime as runtime } from "../system.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { watch } from "../telemetry/platform-gauges.ts";
import { exportTraces } from "../telemetry/tracing.ts";
import type { Composition } from "./composition.ts";
import type { Parts } from "./parts.ts";
import { postgresPersistence } from "./persistence.ts";
import { serve } from "./serve.ts";
import { openDatabase, openPostgres, openSecrets } from "./postgres.ts";

/** Opens the cache and the rate limits, on Redis where it is configured. */
async function openShared(
  { redisUrl }: Settings,
  log: Logger,
  undo: AsyncDisposableStack,
): Promise<{ readonly cache: Cache; readonly limits: RateLimits }> {
  if (redisUrl === undefined) return { cache: memoryCache(), limits: memoryRateLimits };
  const { openRedis } = await import("../redis/redis.ts");
  const { redisCache } = await import("../cache/redis-cache.ts");
  const redis = undo.use(await openRedis(redisUrl, log));
  return { cache: redisCache(redis), limits: redisRateLimits(redis) };
}

/** Adds gauges, housekeeping and the chain of the audit. */
function tend(
  { modules }: Composition,
  { settings, persistence: { database }, metrics, timers, jobs, cache }: Parts,
): EventMonitor {
  const admins = modules.map(({ name, isEventStore }) => ({
    ...eventAdmin(database, name),
    isEventStore,
  }));
  const logs = admins.map(({ health }) => health);
  const ofModules = modules.flatMap((module) => module.chores(database, settings));
  const chores = [...ofModules, forgetLeases(database)];
  const events = eventMonitor([...logs, () => auditHealth(database)], timers);
  const troubles = async () => [
    ...jobs.troubles(),
    ...(await cacheTroubles(cache)),
    ...(await events.troubles()),
  ];
  const monitor = { ...events, troubles };
  watch(metrics, database, monitor);
  jobs.add(housekeeping(admins, settings, chores));
  jobs.add(chaining(database));
  return monitor;
}

/** Basalt serves without its cache, only slower. */
const cacheTroubles = async (cache: Cache) =>
  (await cache.isUp()) ? [] : [{ subject: "cache", isBad: true, says: "Redis does not answer" }];

/** Runs as the owner of the tables, since the application may draw positions but not set them. */
async function mendLogs(
  logs: readonly string[],
  {
    settings,
    connection,
    log,
  }: Pick<Parts, "settings" | "log"> & { readonly connection: ClientConfig },
) {
  await using owner = openDatabase(settings, connection, log);
  for (const schema of logs)
    if (await mendPositions(owner, schema))
      log.warn(
        { schema },
        "the position sequence of an event log was behind its events and has been advanced; was only a part restored?",
      );
}

/** Names this process among those that share the consumers' work. */
const holder = (): string => `${os.hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`;

export type Basalt = AsyncDisposable & {
  readonly app: FastifyInstance;
  readonly embedded: EmbeddedPostgres | undefined;
  readonly url: string;
};

type Opened = {
  readonly database: Database;
  readonly connection: ClientConfig;
  readonly embedded?: EmbeddedPostgres;
};

/** The database at its newest revision, with the rights that the application needs and no others. */
async function openMigrated(
  composition: Composition,
  { settings, log }: Pick<Parts, "settings" | "log">,
  undo: AsyncDisposableStack,
): Promise<Opened> {
  const opened = await openPostgres(settings, log);
  const { connection, embedded } = opened;
  undo.use(embedded);
  for (const { schema, source, name } of await composition.migrate(connection))
    log.info({ schema, source, migration: name }, "migrated");
  await mendLogs(composition.logs, { settings, connection, log });
  const isRestricted = await restrictToRole(connection, composition.schemas);
  if (!isRestricted)
    log.warn(
      { role: appRole },
      "the database login may not create roles; Basalt runs with the rights of the login",
    );
  const open = async () => {
    if (!isRestricted) return openDatabase(settings, connection, log);
    if (!embedded) return openDatabase(settings, connection, log, appRole);
    return openDatabase(settings, await loginOf(connection, embedded.passwordOf(appRole)), log);
  };
  return { ...opened, database: undo.use(await open()) };
}

/** Opens what all modules are composed of. */
async function openParts(
  composition: Composition,
  settings: Settings,
  log: Logger,
  undo: AsyncDisposableStack,
) {
  const { logs, grants, permissions } = composition;
  const metrics = createMetrics();
  if (settings.otlpEndpoint !== undefined) undo.use(await exportTraces(settings.otlpEndpoint, log));
  const opened = await openMigrated(composition, { settings, log }, undo);
  const { database, connection, embedded } = opened;
  const wakeUps = new Map(logs.map((schema) => [schema, new WakeUp(runtime.timers)]));
  const others = embedded ? undefined : new PostgresNotify({ database, connection, wakeUps, log });
  if (others) undo.use(await others.start());
  const { cache, limits } = await openShared(settings, log, undo);
  const persistence = postgresPersistence(database, runtime);
  const process = holder();
  const jobs = new Jobs({ ...runtime, leases: persistence.leases, process, log });
  const secrets = openSecrets(settings);
  const common = { ...runtime, settings, log, metrics, persistence, cache, secrets };
  const parts: Parts = {
    ...common,
    jobs,
    consuming: [],
    permissions,
    grants,
    wakeUps,
    others,
    process,
  };
  return { parts, limits, embedded };
}

/**
 * Builds everything from the settings and serves. What was begun is undone if a step fails.
 * `introduce` hears at once what a person must know, such as a password that was made: a later step
 * may fail.
 */
export async function startBasalt(
  composition: Composition,
  settings: Settings,
  log: Logger,
  introduce: (says: string) => void = () => {},
): Promise<Basalt> {
  await using undo = new AsyncDisposableStack();
  const { parts, limits, embedded } = await openParts(composition, settings, log, undo);
  const { troubles } = tend(composition, parts);
  const { database } = parts.persistence;
  const isUp = () => database.assertReady().then(() => true);
  const wired = { ...composition, wirings: composition.modules, parts, limits, isUp, troubles };
  const app = await serve(wired, undo, introduce);
  await app.listen({ host: settings.host, port: settings.port });
  const running = undo.move();
  return {
    app,
    embedded,
    url: urlOf(app),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function urlOf({ server }: FastifyInstance): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
