import { randomUUID } from "node:crypto";
import pg, { type ClientConfig } from "pg";
import { Database, type DatabaseOptions } from "#platform/postgres/database.ts";
import { systemClock } from "#platform/system.ts";

export type TestDatabase = AsyncDisposable & {
  readonly connection: ClientConfig;
  readonly url: string;
  readonly database: Database;
  /** Asks on a connection of its own. */
  readonly sql: (text: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Ends every connection, and refuses new ones until `during` has. */
  readonly closed: (during: () => Promise<void>) => Promise<void>;
};

/** Databases of tests of this process that have ended, to be emptied for the next one. */
const left: string[] = [];

/** A database as the migrations left it: one that an earlier test of this process had, or a new copy. */
export async function testDatabase(options: Partial<DatabaseOptions> = {}): Promise<TestDatabase> {
  const server = JSON.parse(process.env["BASALT_TEST_SERVER"] ?? "null") as ClientConfig | null;
  const prefix = process.env["BASALT_TEST_PREFIX"];
  if (!server || !prefix) throw new Error("run the tests with `npm test`: it starts Postgres");

  const name = (await emptied(server)) ?? (await copied(server, prefix));
  const connection = { ...server, database: name };
  const database = new Database({
    connection,
    clock: systemClock,
    maxConnections: 10,
    acquireTimeoutMs: 5_000,
    statementTimeoutMs: 10_000,
    idleInTransactionTimeoutMs: 10_000,
    ...options,
  });
  return {
    connection,
    url: urlOf(connection),
    database,
    sql: (text) => ask(connection, text),
    async closed(during) {
      const elsewhere = { ...server, database: "postgres" };
      const end = `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`;
      await ask(elsewhere, `alter database ${name} allow_connections false`, end);
      try {
        await during();
      } finally {
        await ask(elsewhere, `alter database ${name} allow_connections true`);
      }
    },
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      left.push(name);
    },
  };
}

/** Empties a database that a test has left; drops it where more than its rows was changed. */
async function emptied(server: ClientConfig): Promise<string | undefined> {
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    const connection = { ...server, database: name };
    const [row] = await ask(connection, "select emptying.empty() as is_new").catch(() => []);
    if (row?.["is_new"] === true) return name;
    await administer(server, `drop database ${name} with (force)`);
  }
  return undefined;
}

async function copied(server: ClientConfig, prefix: string): Promise<string> {
  const name = `${prefix}_${randomUUID().slice(0, 8)}`;
  const strategy = process.env["BASALT_TEST_COPY"] ?? "wal_log";
  await administer(
    server,
    `create database ${name} template ${prefix}_template strategy ${strategy}`,
  );
  return name;
}

/** A connection of its own, as that of another process. */
export async function connect({ connection }: Pick<TestDatabase, "connection">) {
  const client = new pg.Client(connection);
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

/** Asks one after the other on one connection; answers the rows of the last. */
export async function ask(connection: ClientConfig, ...statements: readonly string[]) {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    let rows: readonly Record<string, unknown>[] = [];
    for (const sql of statements) ({ rows } = await client.query<Record<string, unknown>>(sql));
    return rows;
  } finally {
    await client.end();
  }
}

/** Two may not copy one template at the same time. */
const administer = (server: ClientConfig, sql: string) =>
  ask({ ...server, database: "postgres" }, "select pg_advisory_lock(7)", sql);

export function urlOf({ host, port, user, password, database }: ClientConfig): string {
  const secret = typeof password === "string" ? `:${encodeURIComponent(password)}` : "";
  const query = `host=${encodeURIComponent(String(host))}&port=${port}`;
  return `postgres://${user}${secret}@/${database}?${query}`;
}
