import { readFileSync } from "node:fs";
import { pino } from "pino";
import { EmbeddedPostgres } from "#platform/postgres/embedded.ts";
import { scratch } from "./basalt.ts";
import { makeTemplate } from "./template.ts";

/** Of Linux, wherever Node runs. */
const ticksPerS = 100;

let embedded: EmbeddedPostgres | undefined;
let folder: Awaited<ReturnType<typeof scratch>> | undefined;

/** One Postgres for the whole run; each test gets a database of its own. */
export async function globalSetup(): Promise<void> {
  folder = await scratch();
  embedded = await EmbeddedPostgres.start({
    folder: folder.path,
    log: pino({ level: "error" }),
    // Tests that kill a server start one of their own, which keeps fsync on.
    parameters: { fsync: "off", max_connections: "300" },
  });
  // Copying its files costs a third less than writing them to the log, where nothing is flushed.
  process.env["BASALT_TEST_COPY"] = "file_copy";
  try {
    await makeTemplate(embedded.connection);
  } catch (error) {
    console.error(error); // the end of its connections may be all that is told otherwise
    await globalTeardown(); // the runner calls it after a whole set-up only
    throw error;
  }
}

export async function globalTeardown(): Promise<void> {
  await embedded?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
  tellCost();
}

/** The CPU time of the run: of the runner and of all processes that it has waited for, Postgres too. */
function tellCost(): void {
  if (process.platform !== "linux") return;
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ") ?? [];
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  console.log(`The tests took ${(ticks / ticksPerS).toFixed(0)} CPU seconds.`);
}
