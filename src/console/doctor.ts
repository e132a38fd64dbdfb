import { ConfigurationInvalid } from "#platform/config/load.ts";
import type { Settings } from "#platform/config/settings.ts";
import { eventAdmin } from "#platform/events/admin.ts";
import { troublesOf, type LogHealth } from "#platform/events/health.ts";
import { reasonOf } from "#platform/console/output.ts";
import { statement, type Database } from "#platform/postgres/database.ts";
import { leaseHealth } from "#platform/scheduler/postgres-leases.ts";
import { redisCache } from "#platform/cache/redis-cache.ts";
import { openRedis } from "#platform/redis/redis.ts";
import { jsonLog } from "#platform/telemetry/log.ts";
import type { Finding } from "#platform/process/module.ts";
import { openDatabase, openPostgres } from "#platform/process/postgres.ts";
import { basalt } from "../composition.ts";

const existing = { shared: true, makes: false };
const wantedNode = 24;
const oldestPostgres = 150_000;

const serverState = statement<{
  readonly version: string;
  readonly number: number;
  readonly fsync: string;
  readonly commit: string;
}>(
  "basalt.doctor",
  `select current_setting('server_version') as version,
          current_setting('server_version_num')::int as number,
          current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit`,
);

/** Looks at everything that an operator would, and goes on where something is wrong. */
export async function examine(settingsNow: () => Settings): Promise<readonly Finding[]> {
  const node = process.versions.node;
  const runtime = { ok: Number.parseInt(node, 10) >= wantedNode, what: "node", says: node };
  let settings: Settings;
  try {
    settings = settingsNow();
  } catch (error) {
    if (!(error instanceof ConfigurationInvalid)) throw error;
    const problems = error.problems.map((says) => ({ ok: false, what: "configuration", says }));
    return [runtime, ...problems];
  }
  const configuration = { ok: true, what: "configuration", says: "valid" };
  const { findings, ofModules } = await database(settings);
  return [runtime, configuration, ...findings, ...(await redis(settings)), ...ofModules];
}

/** The findings of all modules. A module that fails to look does not hide the findings of the others. */
async function modules(settings: Settings, opened?: Database): Promise<readonly Finding[]> {
  const found = basalt.modules.map((module) =>
    module
      .examine(settings, opened)
      .catch((error: unknown) => [{ ok: false, what: module.name, says: unreadable(error) }]),
  );
  return (await Promise.all(found)).flat();
}

type Looked = { readonly findings: readonly Finding[]; readonly ofModules: readonly Finding[] };

async function database(settings: Settings): Promise<Looked> {
  const { log } = jsonLog("fatal");
  await using undo = new AsyncDisposableStack();
  try {
    const { connection, embedded } = await openPostgres(settings, log, existing);
    undo.use(embedded);
    const opened = undo.use(openDatabase(settings, connection, log));
    const findings = [...(await server(opened)), ...(await jobs(opened))];
    for (const schema of basalt.logs) findings.push(...(await events(opened, schema)));
    return { findings, ofModules: await modules(settings, opened) };
  } catch (error) {
    const findings = [{ ok: false, what: "postgres", says: reasonOf(error) }];
    return { findings, ofModules: await modules(settings) };
  }
}

async function server(opened: Database): Promise<Finding[]> {
  const [state] = await opened.query(serverState, []);
  if (!state) return [];
  const durable = state.fsync === "on" && state.commit !== "off";
  return [
    { ok: state.number >= oldestPostgres, what: "postgres", says: state.version },
    {
      ok: durable,
      what: "durability",
      says: `fsync ${state.fsync}, synchronous_commit ${state.commit}`,
    },
  ];
}

/** A process that takes over does so within seconds. */
const abandonedAfterS = 10;

async function jobs(opened: Database): Promise<readonly Finding[]> {
  try {
    const leases = await leaseHealth(opened);
    const abandoned = leases.filter((lease) => lease.ended_s > abandonedAfterS);
    if (abandoned.length > 0)
      return abandoned.map(({ name, ended_s: s }) => ({
        ok: false,
        what: name,
        says: `the process that ran this background job stopped without a word, and none has taken it over for ${Math.round(s)} s`,
      }));
    const says =
      leases.length === 0 ? "no process runs background jobs" : `${leases.length} have a process`;
    return [{ ok: true, what: "jobs", says }];
  } catch (error) {
    return [{ ok: false, what: "jobs", says: unreadable(error) }];
  }
}

const isUnmigrated = (error: unknown): boolean =>
  error instanceof Error &&
  "code" in error &&
  ["42P01", "3F000", "42883"].includes(String(error.code));

/** Why tables cannot be read: because they do not exist yet, or for what the database says. */
const unreadable = (error: unknown): string =>
  isUnmigrated(error) ? "not migrated: run `basalt migrate`" : reasonOf(error);

async function events(opened: Database, schema: string): Promise<readonly Finding[]> {
  let health: LogHealth;
  try {
    health = await eventAdmin(opened, schema).health();
  } catch (error) {
    return [{ ok: false, what: schema, says: unreadable(error) }];
  }
  const troubles = troublesOf(health);
  const found = troubles.map(({ subject, isBad, says }) => ({ ok: !isBad, what: subject, says }));
  const fine = health.subscriptions.filter(
    ({ name }) => !troubles.some(({ subject }) => subject === name),
  );
  return [
    ...fine.map(({ name, lag }) => ({ ok: true, what: name, says: `${lag} events behind` })),
    ...found,
  ];
}

async function redis({ redisUrl }: Settings): Promise<readonly Finding[]> {
  if (redisUrl === undefined) return [];
  await using opened = await openRedis(redisUrl, jsonLog("fatal").log);
  const up = await redisCache(opened).isUp();
  return [{ ok: up, what: "redis", says: up ? "answers" : "does not answer" }];
}
