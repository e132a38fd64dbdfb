import { Command, CommanderError, InvalidArgumentError } from "commander";
import {
  ConfigurationInvalid,
  describeSettings,
  exitCodeConfiguration,
} from "#platform/config/load.ts";
import { eventAdmin, type EventAdmin } from "#platform/events/admin.ts";
import type { Database } from "#platform/postgres/database.ts";
import { createLog } from "#platform/telemetry/log.ts";
import { print, quietLog, settingsNow, withDatabase, type Output } from "./console.ts";
import { addCatalogCommands } from "./catalog-commands.ts";
import { addProjectionCommands } from "./projection-commands.ts";
import { addIdentityCommands } from "./identity-commands.ts";
import {
  contexts,
  migrateAll,
  openPostgres,
  startBasalt,
  version,
  type FirstAdministrator,
} from "./main.ts";

/** Runs one of Basalt's commands; sets the exit code. */
export async function run(argv: readonly string[]): Promise<void> {
  try {
    await program().parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2;
    } else {
      console.error(error instanceof Error ? `basalt: ${describe(error)}` : error);
      process.exitCode = error instanceof ConfigurationInvalid ? exitCodeConfiguration : 1;
    }
  }
}

function describe(error: Error): string {
  const cause = error.cause instanceof Error ? `: ${describe(error.cause)}` : "";
  return error.message + cause;
}

function program(): Command {
  const basalt = new Command("basalt")
    .description("People, files, products and money: the backend that nearly every product needs.")
    .version(version)
    .exitOverride()
    .showHelpAfterError("(--help tells more)")
    .addHelpText(
      "after",
      "\nSettings come from the environment and .env; `basalt config` lists them.\n" +
        "Exit codes: 0 done, 1 failed, 2 called wrongly, 78 configuration not valid.",
    );
  basalt.command("start").description("Migrate, serve, and run the event consumers").action(start);
  basalt
    .command("migrate")
    .description("Bring the database to the newest revision")
    .option("--json", "as JSON")
    .action(migrateCommand);
  basalt
    .command("config")
    .description("Print all settings, secrets masked")
    .option("--json", "as JSON")
    .action(configCommand);
  basalt
    .command("doctor")
    .description("Examine configuration, database, events and upstreams")
    .option("--json", "as JSON")
    .action(doctorCommand);
  addIdentityCommands(basalt);
  addCatalogCommands(basalt);
  addProjectionCommands(
    basalt.command("projections").description("Look at read models, rebuild them"),
  );
  addEvents(basalt.command("events").description("Look into the event log, replay dead letters"));
  return basalt;
}

const maxListed = 1_000;

function toLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > maxListed)
    throw new InvalidArgumentError(`must be a whole number from 1 to ${maxListed}`);
  return limit;
}

function addEvents(events: Command): void {
  events
    .command("list")
    .description("The newest events, oldest first")
    .option("--stream <id>", "only of this aggregate, as in user_…")
    .option("--type <type>", "only of this type, as in identity.user-registered")
    .option("--limit <n>", "at most so many", toLimit, 50)
    .option("--json", "as JSON")
    .action(listCommand);
  events
    .command("dead")
    .description("Events that failed for good; their streams wait")
    .option("--json", "as JSON")
    .action(deadCommand);
  events
    .command("replay")
    .description("Let dead letters be tried again, with all that waits behind them")
    .argument("[which]", "event id or stream; all unless given")
    .option("--subscription <name>", "only those of this subscription")
    .option("--json", "as JSON")
    .action(replayCommand);
}

async function start(): Promise<void> {
  const settings = settingsNow();
  const { log, flush } = createLog(settings.logLevel);
  try {
    const stopAsked = signalled();
    const basalt = await startBasalt(settings, log, (administrator) => {
      flush();
      console.log(introduction(administrator));
    });
    flush();
    console.log(`Basalt is ready at ${basalt.url}`);
    log.info({ signal: await stopAsked }, "stopping");
    await basalt[Symbol.asyncDispose]();
    log.info("stopped");
  } finally {
    flush();
  }
}

/** Said once, and written nowhere. */
const introduction = ({ email, made }: FirstAdministrator): string =>
  made === undefined
    ? `${email} administers.`
    : `${email} administers; the password works once, together with a new one: ${made}`;

/** The first SIGINT or SIGTERM; npm and the terminal may both send one, so more are ignored. */
function signalled(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, resolve);
  return promise;
}

async function migrateCommand(output: Output): Promise<void> {
  const settings = settingsNow();
  await using undo = new AsyncDisposableStack();
  const { connection, embedded } = await openPostgres(settings, quietLog(), { shared: true });
  undo.use(embedded);
  const applied = await migrateAll(connection);
  print(
    applied,
    output,
    ({ source, name, schema }) => `applied ${source}/${name} to ${schema}`,
    "Nothing to migrate.",
  );
}

function configCommand(output: Output): void {
  print(
    describeSettings(settingsNow()),
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

const adminsOf = (database: Database): readonly EventAdmin[] =>
  contexts.map((schema) => eventAdmin(database, schema));

type ListOptions = Output & {
  readonly stream?: string;
  readonly type?: string;
  readonly limit: number;
};

const listCommand = ({ stream, type, limit, ...output }: ListOptions) =>
  withDatabase(async (database) => {
    const listed = await Promise.all(
      adminsOf(database).map((admin) => admin.list({ stream, type, limit })),
    );
    print(
      listed.flat(),
      output,
      (event) =>
        `${event.occurredAt}  ${event.type}  ${event.stream}@${event.version}  ` +
        `${event.id}  ${JSON.stringify(event.payload)}`,
      "No events.",
    );
  });

const deadCommand = (output: Output) =>
  withDatabase(async (database) => {
    const dead = await Promise.all(adminsOf(database).map((admin) => admin.dead()));
    print(
      dead.flat(),
      output,
      (letter) =>
        `${letter.parked_at}  ${letter.subscription}  ${letter.event_type}  ${letter.event_id}  ` +
        `${letter.stream}@${letter.version}  after ${letter.attempts} attempts: ${letter.error}`,
      "No dead letters.",
    );
  });

const replayCommand = (
  which: string | undefined,
  { subscription, ...output }: Output & { readonly subscription?: string },
) =>
  withDatabase(async (database) => {
    const counts = await Promise.all(
      adminsOf(database).map((admin) => admin.replay(subscription, which)),
    );
    const replayed = counts.reduce((sum, count) => sum + count, 0);
    if (output.json) console.log(JSON.stringify({ replayed }));
    else console.log(`${replayed} dead letters will be tried again within seconds.`);
    if (replayed === 0 && which !== undefined) process.exitCode = 1;
  });
