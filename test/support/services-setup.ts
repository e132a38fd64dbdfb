import pg from "pg";
import pgConnectionString from "pg-connection-string";
import { startSwift } from "./swift.ts";
import { dropTemplate, makeTemplate } from "./template.ts";

const server = pgConnectionString.parseIntoClientConfig(
  process.env["BASALT_TEST_POSTGRES_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres",
);

let swift: Awaited<ReturnType<typeof startSwift>> | undefined;

/** The same tests on the Postgres that the machine has; object storage is started, unless there is an address of one. */
export async function globalSetup(): Promise<void> {
  if (!process.env["BASALT_TEST_S3_URL"]) swift = await startSwift();
  if (swift) process.env["BASALT_TEST_S3_URL"] = swift.url;
  await makeTemplate(server);
}

export async function globalTeardown(): Promise<void> {
  await swift?.[Symbol.asyncDispose]();
  const client = new pg.Client(server);
  await client.connect();
  await dropTemplate(client);
  await client.end();
}
