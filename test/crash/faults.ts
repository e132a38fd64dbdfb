import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import type { ClientConfig } from "pg";
import { ensureDatabase } from "#platform/postgres/migrations.ts";
import { basalt } from "../../src/composition.ts";
import { asAdmin, launch, scratch } from "../support/basalt.ts";
import type { Chance } from "../support/chance.ts";
import { ask, connect, urlOf } from "../support/database.ts";
import type { SmtpInbox } from "../support/smtp.ts";
import type { Ledger } from "./ledger.ts";
import { schemaOf } from "./schema.ts";
import type { Site } from "./site.ts";
import { killOnce, strike, type Strikes } from "./strike.ts";

/** What a fault did, as far as it can be counted. */
export type Broken = {
  /** From the kill until requests were answered again. */
  readonly restartMs?: number;
  readonly strikes?: Strikes;
};

/** What remembers, outside of the site, what it was told. */
export type World = { readonly ledger: Ledger; readonly inbox: SmtpInbox };

const restarted = async (site: Site): Promise<Broken> => ({ restartMs: await site.restart() });

/** What is done to a site in the midst of its work. */
export const faults = {
  "server killed": restarted,

  async "Postgres killed"(site) {
    site.killPostgres();
    return { restartMs: await site.answersAgain() };
  },

  "both killed"(site) {
    site.killPostgres();
    return restarted(site);
  },

  async "connections cut"(site, chance) {
    for (let i = 0; i < 10; i += 1) {
      site.cut();
      await sleep(chance() * 200);
    }
    return {};
  },

  async "connections slow"(site, chance) {
    site.line.delay(20 + chance() * 80);
    await sleep(1_000);
    site.line.delay(0);
    return {};
  },

  async "killed while starting"(site, chance) {
    for (let i = 0; i < 3; i += 1) {
      await site.kill();
      site.launch();
      await sleep(chance() * 1_500);
    }
    return restarted(site);
  },

  "two releases": async (site) => {
    await site.deploy();
    return {};
  },

  restored: restoreUnder,
  "others' transactions": stayOpen,
  "killed while migrating": migrateAnew,
  "killed while rebuilding": rebuildAgain,
  "killed on first start": startFirst,
} as const satisfies Readonly<
  Record<string, (site: Site, chance: Chance, world: World) => Promise<Broken>>
>;
export type Fault = keyof typeof faults;
export const faultNames = Object.keys(faults) as readonly Fault[];

const migratingSince = `select max(backend_start)::text as mark from pg_stat_activity
  where application_name = 'basalt-migrate' and datname = 'anew'`;

/** The first starts on new databases are killed; one that is not must make what others have. */
async function migrateAnew({ connection, env }: Site, chance: Chance): Promise<Broken> {
  const anew = { ...connection, database: "anew" };
  const onAnew = { ...env, BASALT_DATABASE_URL: urlOf(anew) };
  await makeEmpty(anew, connection);
  const strikes = await strike(
    {
      begin: () => launch(["start"], onAnew),
      mark: () => markIn(connection, migratingSince),
      isUnfinished: async () => (await migrationsIn(anew)) < (await migrationsIn(connection)),
      beginAnew: () => makeEmpty(anew, connection),
    },
    chance,
  );
  await using server = launch(["start"], onAnew);
  await asAdmin({ url: await server.url });
  const [wanted, found] = [await schemaOf(connection), await schemaOf(anew)];
  const odd = [...wanted, ...found].find((line) => !wanted.has(line) || !found.has(line));
  if (odd !== undefined) throw new Error(`what was killed left another schema: ${odd}`);
  return { strikes };
}

async function makeEmpty(database: ClientConfig, elsewhere: ClientConfig): Promise<void> {
  await ask(elsewhere, `drop database if exists ${database.database} with (force)`);
  await ensureDatabase(database);
}

const maxRebuilds = 20;
const isHeld = (output: string) => output.includes("being rebuilt");

/** Rebuilds beside the load are killed; one that is not must do it, and leave nothing else. */
async function rebuildAgain({ connection, env }: Site, chance: Chance): Promise<Broken> {
  const begin = () => launch(["projections", "rebuild"], env);
  const next = basalt.readModels.map(({ schema }) => `'${schema}_next'`).join();
  const left = () =>
    markIn(
      connection,
      `select max(oid)::text as mark from pg_namespace where nspname in (${next})`,
    );
  const isUnfinished = async () => (await left()) !== undefined;
  // What was killed may hold its lock until the server has noticed: such a one does not count.
  const strikes = await strike({ begin, mark: left, isUnfinished, mayEnd: isHeld }, chance);
  for (let attempt = 1; ; attempt += 1) {
    const { code, output } = await begin().ended;
    if (code === 0) break;
    if (attempt === maxRebuilds || !isHeld(output))
      throw new Error(`the rebuild ended with ${code}: ${output}`);
  }
  if (await isUnfinished()) throw new Error("a rebuild left what it had begun");
  return { strikes };
}

/** A backup is made and restored under the load; what was told meanwhile has not happened. */
async function restoreUnder(site: Site, chance: Chance, { ledger, inbox }: World): Promise<Broken> {
  let kept: ReadonlySet<string> = new Set();
  let emails = 0;
  await site.backUp(async () => {
    kept = await keysIn({ ...site.connection, database: "backup" });
    emails = inbox.envelopes.length;
  });
  await sleep(500 + chance() * 1_000);
  await site.restore(async () => {
    await ledger.settled();
    ledger.keepOnly(kept);
    inbox.forget(emails);
  });
  return {};
}

/** The idempotency keys of all requests that a database has done, whoever was told of them. */
async function keysIn(connection: ClientConfig): Promise<ReadonlySet<string>> {
  const logs = basalt.logs.map((schema) => `select key from ${schema}.idempotency_keys`);
  // The ends of uploads have no such keys: they make the files that they are named after.
  const ends = "select name as key from drive.nodes where name like '%-up' or name like '%-nc'";
  const rows = await ask(connection, [...logs, ends].join(" union all "));
  return new Set(rows.map(({ key }) => String(key)));
}

/** How long they stay open at most. A reader that they delayed would wait as long, on however slow a disk. */
const openForMs = 15_000;

/** Somebody who has written and does not commit, until they leave. */
async function openWriter(connection: ClientConfig): Promise<pg.Client> {
  const writer = await connect({ connection });
  await writer.query("begin");
  await writer.query("insert into trail.strange values (1)");
  return writer;
}

/** Others write and do not commit: those to other tables delay no reader, one to the log for a while. */
async function stayOpen({ connection }: Site): Promise<Broken> {
  const elsewhere = { ...connection, database: "postgres" };
  const strange =
    "create schema if not exists trail; create table if not exists trail.strange (id int)";
  for (const one of [connection, elsewhere]) await ask(one, strange);
  const strangers = await Promise.all([connection, elsewhere].map(openWriter));
  const head = Number((await ask(connection, "select head from trail.horizon()"))[0]?.["head"]);
  const behind = `select min(position) as position from trail.subscriptions
    where name = 'trail.seen' having min(position) < ${head}`;
  let late = await ask(connection, behind);
  for (const end = Date.now() + openForMs; late.length > 0 && Date.now() < end; await sleep(50))
    late = await ask(connection, behind);
  for (const one of strangers) await one.end();
  if (late.length > 0)
    throw new Error(`readers wait for transactions of others: ${JSON.stringify(late)}, ${head}`);
  const draw = `insert into trail.events (stream, version, id, type, schema_version, payload, metadata, occurred_at)
    values ('drawn', 1, 'drawn', 'trail.drawn', 1, '{}', '{}', now())`;
  await ask(connection, "begin", draw, "select pg_sleep(1)", "rollback");
  return {};
}

const firstStarts = 3;
const firstStartMs = 4_000;

/** A Basalt with a Postgres of its own is killed while it makes it; the next must find its way. */
async function startFirst(_: Site, chance: Chance): Promise<Broken> {
  await using folder = await scratch();
  const begin = () =>
    launch(["start"], {
      BASALT_DATA_DIR: path.join(folder.path, "data"),
      BASALT_LOG_LEVEL: "warn",
    });
  let hits = 0;
  for (let kills = 0; kills < firstStarts; kills += 1) {
    const first = begin();
    await killOnce(first, chance() * firstStartMs);
    if (!first.output().includes("Basalt is ready")) hits += 1;
  }
  await using server = begin();
  await asAdmin({ url: await server.url });
  return { strikes: { hits, kills: firstStarts } };
}

async function markIn(connection: ClientConfig, sql: string): Promise<string | undefined> {
  const [row] = await ask(connection, sql);
  return (row?.["mark"] as string | null) ?? undefined;
}

/** How many have been applied; none where nothing has begun. */
async function migrationsIn(connection: ClientConfig): Promise<number> {
  const known = "select to_regclass('basalt.migrations') is not null as known";
  if ((await ask(connection, known))[0]?.["known"] !== true) return 0;
  const [row] = await ask(
    connection,
    "select count(*)::int as n from basalt.migrations where schema <> 'trail'",
  );
  return Number(row?.["n"]);
}
