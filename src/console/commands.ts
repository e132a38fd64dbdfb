import { setTimeout as sleep } from "node:timers/promises";
import { Command, CommanderError } from "commander";
import {
  ConfigurationInvalid,
  describeSettings,
  exitCodeConfiguration,
} from "#platform/config/load.ts";
import { openLog } from "#platform/telemetry/log.ts";
import { print, reasonOf, type Output } from "#platform/console/output.ts";
import { openPostgres } from "#platform/process/postgres.ts";
import { basalt as composition } from "../composition.ts";
import { startBasalt } from "../main.ts";
import { addBackupCommands, Stopped } from "./backup.ts";
import { quietLog, withDatabase } from "./database.ts";
import { addEventCommands } from "./events.ts";
import { newContext } from "./new-context.ts";
import { addSeedCommand } from "./seed.ts";
import { addProjectionCommands } from "./projections.ts";

const { settingsNow, version } = composition;

/** Runs one of Basalt's commands; sets the exit code. */
export async function run(argv: readonly string[]): Promise<void> {
  // A reader that has seen enough, as `head`, closes the pipe: no more is wanted.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
  try {
    await program().parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2;
    } else {
      const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
      const hint = isTaken ? "; set PORT to another one" : "";
      console.error(error instanceof Error ? `basalt: ${reasonOf(error)}${hint}` : error);
      process.exitCode = error instanceof ConfigurationInvalid ? exitCodeConfiguration : 1;
      if (error instanceof Stopped) process.exit(); // what it worked on may still wait for something
    }
  }
}

function program(): Command {
  const basalt = new Command("basalt")
    .description("Basalt: the backend that nearly every product needs.")
    .version(version)
    .exitOverride()
    .showHelpAfterError("See --help.")
    .addHelpText(
      "after",
      "\nSettings come from the environment and .env; `basalt config` lists them.\n" +
        "Exit codes: 0 success, 1 failure, 2 wrong usage, 78 invalid configuration.",
    );
  basalt
    .command("start")
    .description("Migrate the database, serve HTTP and run the event consumers")
    .action(start);
  basalt
    .command("migrate")
    .description("Apply pending migrations")
    .option("--json", "print JSON")
    .action(migrateCommand);
  basalt
    .command("config")
    .description("Print all settings; secrets are masked")
    .option("--json", "print JSON")
    .action(configCommand);
  basalt
    .command("doctor")
    .description("Check configuration, database, events and upstreams")
    .option("--json", "print JSON")
    .action(doctorCommand);
  basalt
    .command("new")
    .description("Generate code")
    .command("context")
    .argument("<name>", "the plural of its aggregate (tickets, things)")
    .option("--one <aggregate>", "the singular of the name, such as category for categories")
    .description("Make a context that passes every check, from examples/notes")
    .action(newContext);
  addBackupCommands(basalt);
  const demoData = composition.modules.flatMap((module) => module.demoData);
  addSeedCommand(basalt, demoData, withDatabase);
  for (const module of composition.modules) module.addCommands(basalt, withDatabase);
  addProjectionCommands(
    basalt.command("projections").description("Inspect and rebuild read models"),
  );
  addEventCommands(
    basalt.command("events").description("Inspect event logs and manage their consumers"),
  );
  return basalt;
}

async function start(): Promise<void> {
  const settings = settingsNow();
  const { log, flush, close } = await openLog(settings);
  // A handler that does not await all that it begins must not end the process for all others.
  process.on("unhandledRejection", (error) =>
    log.error({ err: error }, "a promise was rejected and no code awaits it"),
  );
  try {
    const stopAsked = signalled();
    const starting = startBasalt(settings, log, (says) => {
      flush();
      console.log(says);
    });
    let isReady = false;
    const ready = starting.then(({ url }) => {
      isReady = true;
      flush();
      console.log(`Basalt is ready at ${url}`);
    });
    ready.catch(() => {}); // a start that fails later is told by what waits for its end
    await Promise.race([ready, stopAsked]);
    log.info({ why: await stopAsked }, "stopping");
    const ended = starting.then((basalt) => basalt[Symbol.asyncDispose]());
    const limitMs = isReady ? settings.shutdownTimeoutMs + tidyMs : abandonMs;
    const late = sleep(limitMs, "late" as const, { ref: false });
    if ((await Promise.race([ended, late])) !== "late") return log.info("stopped");
    log.error("shutdown timed out; the process exits with work unfinished");
    flush();
    process.exit(1);
  } finally {
    await close();
  }
}

/** After requests under way have ended, consumers, jobs and connections have so long. */
const tidyMs = 30_000;
/** A start that is told to stop has so long to end what it has begun, such as making a database. */
const abandonMs = 15_000;

const lookForParentEveryMs = 500;

/**
 * The first SIGINT or SIGTERM; npm and the terminal may both send one, so more are ignored. npm hands
 * no SIGTERM on, so a server that npm has started also stops once npm has ended.
 */
function signalled(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, resolve);
  if (process.env["npm_lifecycle_event"] === "start") {
    const parent = process.ppid;
    setInterval(() => {
      if (process.ppid !== parent) resolve("npm, which started it, has ended");
    }, lookForParentEveryMs).unref();
  }
  return promise;
}

async function migrateCommand(output: Output): Promise<void> {
  const settings = settingsNow();
  await using undo = new AsyncDisposableStack();
  const { connection, embedded } = await openPostgres(settings, quietLog(), { shared: true });
  undo.use(embedded);
  const applied = await composition.migrate(connection);
  print(
    applied,
    output,
    ({ source, name, schema }) => `applied ${source}/${name} to ${schema}`,
    "Nothing to migrate.",
  );
}

function configCommand(output: Output): void {
  print(
    describeSettings(composition.settings, settingsNow()),
    output,
    ({ env, value, doc }) => `${env}=${value ?? ""}\n    ${doc}`,
    "",
  );
}

async function doctorCommand(output: Output): Promise<void> {
  const { examine } = await import("./doctor.ts"); // and the Redis client with it
  const findings = await examine(() => settingsNow());
  print(findings, output, ({ ok, what, says }) => `${ok ? "ok  " : "BAD "} ${what}: ${says}`, "");
  if (findings.some(({ ok }) => !ok)) process.exitCode = 1;
}
