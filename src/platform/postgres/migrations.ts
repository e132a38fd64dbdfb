import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import pg, { type ClientConfig } from "pg";

/** A folder of `{revision}_{slug}.sql` files, applied to one schema in the order of revisions. */
export type MigrationSource = {
  readonly schema: string;
  /** The owner of these files: the platform or a context. */
  readonly source: string;
  readonly folder: string;
};

/** An applied migration, as in `<schema>/0001_users`. */
export type Applied = { readonly schema: string; readonly source: string; readonly name: string };

/** The migration files contradict the applied ones. */
export class MigrationRefused extends Error {
  override readonly name = "MigrationRefused";
}

const fileName = /^\d{4}_[a-z0-9]+(-[a-z0-9]+)*\.sql$/;
/** Any fixed number, the same for every Basalt: only one process migrates at a time. */
const lockKey = 0x6261_7361;

/** How long a migration waits for a table, and everybody behind it: then it is tried again by hand. */
const lockTimeoutMs = 10_000;

type File = Applied & { readonly sql: string; readonly checksum: string };

function filesOf({ schema, source, folder }: MigrationSource): readonly File[] {
  const names = readdirSync(folder).toSorted();
  const odd = names.find((name) => !fileName.test(name));
  if (odd)
    throw new MigrationRefused(
      `${folder}/${odd} is not named {revision}_{slug}.sql, as in 0012_past-places.sql`,
    );
  const twice = names.find((name, i) => i > 0 && name.slice(0, 4) === names[i - 1]?.slice(0, 4));
  if (twice) throw new MigrationRefused(`${folder}/${twice}: this revision exists already`);

  return names.map((name) => {
    const sql = readFileSync(path.join(folder, name), "utf8").replaceAll("\r\n", "\n");
    const checksum = createHash("sha256").update(sql).digest("hex");
    return {
      schema,
      source,
      name: name.replace(/\.sql$/, ""),
      sql: sql.replaceAll("{schema}", schema),
      checksum,
    };
  });
}

const setUp = `
  create schema if not exists basalt;
  create table if not exists basalt.migrations (
    schema text not null,
    source text not null,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now(),
    primary key (schema, source, name)
  );`;

const connectWithinMs = 10_000;

/** A connection for changes of the schema and of roles. */
export const migratingClient = (connection: ClientConfig): pg.Client =>
  new pg.Client({
    ...connection,
    application_name: "basalt-migrate",
    connectionTimeoutMillis: connectWithinMs,
  });

/**
 * Applies what is missing, each file in a transaction of its own, and answers what it applied.
 * Refuses when an applied file was changed, or when a new one comes before an applied one.
 */
export async function migrate(
  connection: ClientConfig,
  sources: readonly MigrationSource[],
): Promise<readonly Applied[]> {
  const client = migratingClient(connection);
  await client.connect();
  client.on("error", () => {}); // the statement under way reports it
  try {
    await client.query("select pg_advisory_lock($1)", [lockKey]);
    await client.query(setUp);
    const applied: Applied[] = [];
    for (const source of sources) applied.push(...(await migrateSource(client, source)));
    return applied;
  } finally {
    await client.end();
  }
}

/** Keeps everybody else from migrating until the transaction ends that `client` has begun; waits for who does. */
export const holdMigrations = (client: pg.Client): Promise<unknown> =>
  client.query("select pg_advisory_xact_lock($1)", [lockKey]);

/**
 * Makes the tables as they were after the migrations of `applied`, in the transaction that `client`
 * has begun, which holds migrations. Throws `MigrationRefused` for a migration that these sources do not have.
 */
export async function migrateAs(
  client: pg.Client,
  sources: readonly MigrationSource[],
  applied: readonly (Applied & { readonly checksum: string })[],
): Promise<void> {
  await client.query(setUp);
  const checksums = new Map(applied.map((one) => [nameOf(one), one.checksum]));
  for (const source of sources) {
    await client.query(`create schema if not exists ${source.schema}`);
    for (const file of filesOf(source)) {
      const checksum = checksums.get(nameOf(file));
      if (checksum === undefined) continue;
      if (checksum !== file.checksum)
        throw new MigrationRefused(`${nameOf(file)} is another migration in this Basalt`);
      await client.query(file.sql);
      checksums.delete(nameOf(file));
    }
  }
  const [unknown] = checksums.keys();
  if (unknown !== undefined)
    throw new MigrationRefused(
      `the migration ${unknown} is unknown to this Basalt, which is older or lacks the context`,
    );
}

/** How many migrations the database lacks. Changes nothing. */
export async function countPending(
  connection: ClientConfig,
  sources: readonly MigrationSource[],
): Promise<number> {
  const client = migratingClient(connection);
  await client.connect();
  client.on("error", () => {}); // the statement under way reports it
  try {
    const known = await client.query("select to_regclass('basalt.migrations') as at");
    const { rows } =
      (known.rows as readonly { readonly at: string | null }[])[0]?.at == null
        ? { rows: [] }
        : await client.query<Applied>("select schema, source, name from basalt.migrations");
    const applied = new Set(rows.map(nameOf));
    return sources.flatMap(filesOf).filter((file) => !applied.has(nameOf(file))).length;
  } finally {
    await client.end();
  }
}

const nameOf = ({ schema, source, name }: Applied) => `${schema}/${source}/${name}`;

async function migrateSource(
  client: pg.Client,
  source: MigrationSource,
): Promise<readonly Applied[]> {
  const seen = await client.query<{ name: string; checksum: string }>(
    `select name, checksum from basalt.migrations
      where schema = $1 and source = $2 order by name collate "C"`,
    [source.schema, source.source],
  );
  const checksums = new Map(seen.rows.map(({ name, checksum }) => [name, checksum]));
  const latest = seen.rows.at(-1)?.name ?? "";
  const files = filesOf(source);
  refuseGone(source, [...checksums.keys()], files);
  for (const file of files) {
    const checksum = checksums.get(file.name);
    const which = `${file.source}/${file.name} of schema ${file.schema}`;
    if (checksum !== undefined && checksum !== file.checksum)
      throw new MigrationRefused(`${which} was changed after it had been applied: add a new one`);
    if (checksum === undefined && file.name < latest)
      throw new MigrationRefused(`${which} comes before ${latest}, which is applied already`);
  }
  await client.query(`create schema if not exists ${source.schema}`);
  const missing = files.filter(({ name }) => !checksums.has(name));
  for (const file of missing) await apply(client, file);
  return missing.map(({ schema, source: from, name }) => ({ schema, source: from, name }));
}

/** Newer ones may be missing: an older Basalt runs on the tables of a newer one. */
function refuseGone(
  { schema, source }: MigrationSource,
  applied: readonly string[],
  files: readonly File[],
): void {
  const newest = files.at(-1)?.name ?? "";
  const gone = applied.find((name) => name < newest && !files.some((file) => file.name === name));
  if (gone)
    throw new MigrationRefused(`${source}/${gone} of schema ${schema} was applied, and is gone`);
}

async function apply(client: pg.Client, { schema, source, name, sql, checksum }: File) {
  await client.query(`begin; set local lock_timeout = ${lockTimeoutMs}`);
  try {
    await client.query(sql);
    await client.query(
      "insert into basalt.migrations (schema, source, name, checksum) values ($1, $2, $3, $4)",
      [schema, source, name, checksum],
    );
    await client.query("commit");
  } catch (cause) {
    await client.query("rollback").catch(() => {});
    throw new Error(`migration ${source}/${name} of schema ${schema} failed`, { cause });
  }
}

/** Creates the database that `connection` names where the server has none of that name. */
export async function ensureDatabase(connection: ClientConfig): Promise<void> {
  const client = migratingClient({ ...connection, database: "postgres" });
  await client.connect();
  try {
    const name = connection.database ?? "postgres";
    const found = await client.query("select from pg_database where datname = $1", [name]);
    if (found.rowCount === 0) await client.query(`create database ${pg.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}
