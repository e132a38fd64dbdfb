import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { pino } from "pino";
import { EmbeddedPostgres } from "#platform/postgres/embedded.ts";
import { makeTemplate } from "./template.ts";

let embedded: EmbeddedPostgres | undefined;
let folder: string | undefined;

/** One Postgres for the whole run; each test gets a database of its own. */
export async function globalSetup(): Promise<void> {
  folder = await mkdtemp(path.join(os.tmpdir(), "basalt-test-"));
  embedded = await EmbeddedPostgres.start({
    folder,
    log: pino({ level: "error" }),
    // Tests that kill a server start one of their own, which keeps fsync on.
    parameters: { fsync: "off", max_connections: "300" },
  });
  await makeTemplate(embedded.connection);
}

export async function globalTeardown(): Promise<void> {
  await embedded?.[Symbol.asyncDispose]();
  if (folder) await rm(folder, { recursive: true, force: true });
}
