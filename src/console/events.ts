import { InvalidArgumentError, type Command } from "commander";
import { eventAdmin, type EventAdmin, type FailedStream } from "#platform/events/admin.ts";
import { troublesOf, type LogHealth, type SubscriptionHealth } from "#platform/events/health.ts";
import type { Database } from "#platform/postgres/database.ts";
import { print, type Output } from "#platform/console/output.ts";
import { basalt } from "../composition.ts";
import { withDatabase } from "./database.ts";

/** Commands about event logs, and about those that read them. */
export function addEventCommands(events: Command): void {
  events
    .command("list")
    .description("The newest events, oldest first")
    .option("--stream <id>", "only of this aggregate, as in user_…")
    .option("--type <type>", "only of this type, as this command prints it")
    .option("--limit <n>", "at most so many", toLimit, 50)
    .option("--json", "as JSON")
    .action(listCommand);
  events
    .command("consumers")
    .description("Who reads the logs: holders, lag, parked streams, and what is wrong")
    .option("--json", "as JSON")
    .action(consumersCommand);
  events
    .command("dead")
    .description("Events that failed for good; their streams wait")
    .option("--json", "as JSON")
    .action((output: Output) => failedCommand("dead", output));
  events
    .command("waiting")
    .description("Events that have failed and are tried again by themselves; their streams wait")
    .option("--json", "as JSON")
    .action((output: Output) => failedCommand("waiting", output));
  events
    .command("replay")
    .description("Let dead letters be tried again, with all that waits behind them")
    .argument("[which]", "event id or stream, dead or waiting; all dead letters unless given")
    .option("--consumer <name>", "those of this consumer, dead or waiting")
    .option("--json", "as JSON")
    .action(replayCommand);
  events
    .command("skip")
    .description("Pass over an event that a consumer fails at; its stream goes on")
    .argument("<consumer>", "as `events consumers` names it")
    .argument("<which>", "event id, or the parked stream")
    .option("--json", "as JSON")
    .action(skipCommand);
  events
    .command("retire")
    .description("Forget a consumer that was renamed or removed, so that nothing waits for it")
    .argument("<consumer>", "as `events consumers` names it")
    .option("--json", "as JSON")
    .action(retireCommand);
}

const maxListed = 1_000;

function toLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > maxListed)
    throw new InvalidArgumentError(`must be a whole number from 1 to ${maxListed}`);
  return limit;
}

const adminsOf = (database: Database): readonly EventAdmin[] =>
  basalt.logs.map((schema) => eventAdmin(database, schema));

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

type ListedConsumer = SubscriptionHealth & {
  readonly log: string;
  readonly horizon_age_s: number;
  readonly troubles: readonly string[];
};

/** The consumers of a log, each with what is wrong with it or with the log. */
function consumersOf(health: LogHealth): readonly ListedConsumer[] {
  const { log, horizon_age_s, subscriptions } = health;
  const troubles = troublesOf(health);
  return subscriptions.map((subscription) => ({
    ...{ log, horizon_age_s, ...subscription },
    troubles: troubles
      .filter(({ of }) => of === log || of === subscription.name)
      .map(({ says }) => says),
  }));
}

const consumersCommand = (output: Output) =>
  withDatabase(async (database) => {
    const healths = await Promise.all(adminsOf(database).map((admin) => admin.health()));
    print(healths.flatMap(consumersOf), output, lineOf, "None has been begun: start Basalt.");
  });

function lineOf({ troubles, ...health }: ListedConsumer): string {
  const holders = Object.entries(health.holders).map(([holder, slots]) => `${slots} by ${holder}`);
  const line = [
    health.name,
    holders.length > 0 ? `slots: ${holders.join(", ")}` : "held by no process",
    `${health.lag} events behind`,
    `${health.claimed} under way, ${health.retrying} retrying, ${health.dead} dead`,
  ].join("  ");
  return [line, ...troubles.map((says) => `    ${says}`)].join("\n");
}

const failedCommand = (which: "dead" | "waiting", output: Output) =>
  withDatabase(async (database) => {
    const failed = await Promise.all(adminsOf(database).map((admin) => admin[which]()));
    const none = { dead: "No dead letters.", waiting: "Nothing waits to be tried again." };
    print(failed.flat(), output, which === "dead" ? deadLine : waitingLine, none[which]);
  });

const failedLine = (one: FailedStream): string =>
  `${one.subscription}  ${one.event_type}  ${one.event_id}  ${one.stream}@${one.version}`;

const deadLine = (one: FailedStream): string =>
  `${one.parked_at}  ${failedLine(one)}  after ${one.attempts} attempts: ${one.error}`;

const waitingLine = (one: FailedStream): string =>
  `${failedLine(one)}  since ${one.parked_at}, again ${one.retry_at ?? "now"}: ${one.error}`;

type ReplayOptions = Output & { readonly consumer?: string };

const replayCommand = (which: string | undefined, { consumer, ...output }: ReplayOptions) =>
  withDatabase(async (database) => {
    const replayed = await sumOf(database, (admin) => admin.replay(consumer, which));
    const isAsked = which !== undefined || consumer !== undefined;
    if (replayed === 0 && consumer !== undefined) await mustExist(database, consumer);
    if (output.json) console.log(JSON.stringify({ replayed }));
    else if (replayed > 0) console.log(`To be tried again within seconds: ${replayed}.`);
    else if (isAsked) console.log("Nothing fits: see `events dead` and `events waiting`.");
    else console.log("No dead letters.");
    if (replayed === 0 && isAsked) process.exitCode = 1;
  });

async function mustExist(database: Database, consumer: string): Promise<void> {
  const found = await Promise.all(adminsOf(database).map((admin) => admin.has(consumer)));
  if (!found.includes(true))
    throw new Error(`there is no consumer ${consumer}: see \`events consumers\``);
}

const skipCommand = (consumer: string, which: string, output: Output) =>
  withDatabase(async (database) => {
    const skipped = await sumOf(database, (admin) => admin.skip(consumer, which));
    if (skipped === 0) await mustExist(database, consumer);
    if (output.json) console.log(JSON.stringify({ skipped }));
    else if (skipped > 0) console.log(`${consumer} passes over ${which}, and goes on behind it.`);
    else
      console.log(
        `${consumer} does not stand at ${which}, or is handing it over just now: see \`events dead\` and \`events waiting\`.`,
      );
    if (skipped === 0) process.exitCode = 1;
  });

const retireCommand = (consumer: string, output: Output) =>
  withDatabase(async (database) => {
    const healths = await Promise.all(adminsOf(database).map((admin) => admin.health()));
    const found = healths
      .flatMap(({ subscriptions }) => subscriptions)
      .find(({ name }) => name === consumer);
    const holders = Object.keys(found?.holders ?? {});
    const isFree = found !== undefined && holders.length === 0;
    const retired = isFree ? await sumOf(database, (admin) => admin.retire(consumer)) : 0;
    if (output.json) console.log(JSON.stringify({ retired }));
    else if (retired > 0) console.log(`${consumer} is forgotten.`);
    else if (found) console.log(`${consumer} is read by ${holders.join(", ")}: stop that first.`);
    else console.log(`There is no consumer ${consumer}: see \`events consumers\`.`);
    if (retired === 0) process.exitCode = 1;
  });

async function sumOf(
  database: Database,
  work: (admin: EventAdmin) => Promise<number>,
): Promise<number> {
  const counts = await Promise.all(adminsOf(database).map(work));
  return counts.reduce((sum, count) => sum + count, 0);
}
