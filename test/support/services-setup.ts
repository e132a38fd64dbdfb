import pg from "pg";
import pgConnectionString from "pg-connection-string";
import { dropTemplate, makeTemplate } from "./template.ts";

const server = pgConnectionString.parseIntoClientConfig(
  process.env["BASALT_TEST_POSTGRES_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres",
);

/** The same tests on the Postgres that the machine has. */
export async function globalSetup(): Promise<void> {
  await makeTemplate(server);
}

export async function globalTeardown(): Promise<void> {
  const client = new pg.Client(server);
  await client.connect();
  await dropTemplate(client);
  await client.end();
}
