import { randomUUID } from "node:crypto";
import pg, { type ClientConfig } from "pg";
import { Database, type DatabaseOptions } from "#platform/postgres/database.ts";
import { systemClock } from "#platform/system.ts";

export type TestDatabase = AsyncDisposable & {
  readonly connection: ClientConfig;
  readonly url: string;
  readonly database: Database;
};

/** A fresh database, made from the run's template. */
export async function testDatabase(options: Partial<DatabaseOptions> = {}): Promise<TestDatabase> {
  const server = JSON.parse(process.env["BASALT_TEST_SERVER"] ?? "null") as ClientConfig | null;
  const prefix = process.env["BASALT_TEST_PREFIX"];
  if (!server || !prefix) throw new Error("run the tests with `npm test`: it starts Postgres");

  const name = `${prefix}_${randomUUID().slice(0, 8)}`;
  await administer(server, `create database ${name} template ${prefix}_template`);
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
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await administer(server, `drop database ${name} with (force)`);
    },
  };
}

async function administer(server: ClientConfig, sql: string): Promise<void> {
  const client = new pg.Client({ ...server, database: "postgres" });
  await client.connect();
  try {
    // Two may not copy one template at the same time.
    await client.query("select pg_advisory_lock(7)");
    await client.query(sql);
  } finally {
    await client.end();
  }
}

export function urlOf({ host, port, user, password, database }: ClientConfig): string {
  const secret = typeof password === "string" ? `:${encodeURIComponent(password)}` : "";
  const query = `host=${encodeURIComponent(String(host))}&port=${port}`;
  return `postgres://${user}${secret}@/${database}?${query}`;
}
