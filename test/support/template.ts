import { readFileSync } from "node:fs";
import path from "node:path";
import pg, { type ClientConfig } from "pg";
import { basalt } from "../../src/composition.ts";
import { migrate, type MigrationSource } from "#platform/postgres/migrations.ts";
import { ask } from "./database.ts";

const prefix = `basalt_test_${process.pid}`;
const platformMigrations = path.resolve(
  import.meta.dirname,
  "../../src/platform/events/migrations",
);

/** The migrations that make the databases of tests. */
export const testSources: readonly MigrationSource[] = [
  ...basalt.sources,
  { schema: "scratch", source: "platform", folder: platformMigrations },
  { schema: "scratch", source: "scratch", folder: path.join(import.meta.dirname, "migrations") },
];

/** A database with every schema of Basalt, and `scratch`: an event log with a table of notes. */
export async function makeTemplate(server: ClientConfig): Promise<void> {
  const client = new pg.Client({ ...server, database: "postgres" });
  await client.connect();
  const template = `${prefix}_template`;
  await client.query(`create database ${template}`);
  const connection = { ...server, database: template };
  await migrate(connection, testSources);
  await ask(connection, readFileSync(path.join(import.meta.dirname, "emptying.sql"), "utf8"));
  await client.end();
  process.env["BASALT_TEST_SERVER"] = JSON.stringify(server);
  process.env["BASALT_TEST_PREFIX"] = prefix;
}

/** Removes all that a run has created. */
export async function dropTemplate(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ datname: string }>(
    "select datname from pg_database where datname like $1",
    [`${prefix}_%`],
  );
  for (const { datname } of rows) await client.query(`drop database ${datname} with (force)`);
}
