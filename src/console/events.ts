import { InvalidArgumentError, type Command } from "commander";
import { eventAdmin, type EventAdmin, type FailedStream } from "#platform/events/admin.ts";
import { troublesOf, type LogHealth, type SubscriptionHealth } from "#platform/events/health.ts";
import type { Recorded } from "#kernel/event.ts";
import type { Database } from "#platform/postgres/database.ts";
import { print, type Output } from "#platform/console/output.ts";
import { basalt } from "../composition.ts";
import { withDatabase } from "./database.ts";

/** Commands about event logs, and about those that read them. */
export function addEventCommands(events: Command): void {
  events
    .command("list")
    .description("List the last events in the order of time")
    .option("--stream <id>", "events of this stream only, as in user_…")
    .option("--type <type>", "events of this type only, as the list shows it")
    .option("--limit <n>", "the number of events at most", toLimit, 50)
    .option("--json", "print JSON")
    .action(listCommand);
  events
    .command("consumers")
    .description(
      "List consumers: who holds how many of their 64 slots, their lag, and streams under way, retrying or dead",
    )
    .option("--json", "print JSON")
    .action(consumersCommand);
  events
    .command("dead")
    .description("List dead letters: events that failed for good, whose streams wait")
    .option("--json", "print JSON")
    .action((output: Output) => failedCommand("dead", output));
  events
    .command("waiting")
    .description("List failed events that will be retried, with the time of the next attempt")
    .option("--json", "print JSON")
    .action((output: Output) => failedCommand("waiting", output));
  events
    .command("replay")
    .description("Retry dead letters, and then the events that wait behind them")
    .argument("[which]", "an event id or a stream, dead or waiting; all dead letters by default")
    .option("--consumer <name>", "only events of this consumer, dead or waiting")
    .option("--json", "print JSON")
    .action(replayCommand);
  events
    .command("skip")
    .description("Skip an event at which a consumer fails; its stream continues with the next one")
    .argument("<consumer>", "the name that `events consumers` shows")
    .argument("<which>", "the event id, or the parked stream")
    .option("--json", "print JSON")
    .action(skipCommand);
  events
    .command("retire")
    .description("Remove the progress of a consumer that was renamed or deleted")
    .argument("<consumer>", "the name that `events consumers` shows")
    .option("--json", "print JSON")
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
    const oldestFirst = (a: Recorded, b: Recorded) =>
      a.occurredAt < b.occurredAt ? -1 : Number(a.occurredAt > b.occurredAt);
    print(
      listed.flat().toSorted(oldestFirst).slice(-limit),
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

/** The consumers of a log with their troubles. */
function consumersOf(health: LogHealth): readonly ListedConsumer[] {
  const { log, horizon_age_s, subscriptions } = health;
  const troubles = troublesOf(health);
  return subscriptions.map((subscription) => ({
    log,
    horizon_age_s,
    ...subscription,
    troubles: troubles
      .filter(({ subject }) => subject === log || subject === subscription.name)
      .map(({ says }) => says),
  }));
}

const consumersCommand = (output: Output) =>
  withDatabase(async (database) => {
    const healths = await Promise.all(adminsOf(database).map((admin) => admin.health()));
    print(
      healths.flatMap(consumersOf),
      output,
      lineOf,
      "There are no consumers yet: start Basalt.",
    );
  });

function lineOf({ troubles, ...health }: ListedConsumer): string {
  const holders = Object.entries(health.holders).map(([holder, slots]) => `${slots} by ${holder}`);
  const line = [
    health.name,
    holders.length > 0 ? `slots: ${holders.join(", ")}` : "no process reads it",
    `${health.lag} events behind`,
    `${health.claimed} under way, ${health.retrying} retrying, ${health.dead} dead`,
  ].join("  ");
  return [line, ...troubles.map((says) => `    ${says}`)].join("\n");
}

const failedCommand = (which: "dead" | "waiting", output: Output) =>
  withDatabase(async (database) => {
    const failed = await Promise.all(adminsOf(database).map((admin) => admin[which]()));
    const none = { dead: "No dead letters.", waiting: "No event waits for a retry." };
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
    else if (replayed > 0) console.log(`Events that will be retried within seconds: ${replayed}.`);
    else if (isAsked)
      console.log("No failed event matches: see `events dead` and `events waiting`.");
    else console.log("No dead letters.");
    if (replayed === 0 && isAsked) process.exitCode = 1;
  });

async function mustExist(database: Database, consumer: string): Promise<void> {
  const found = await Promise.all(adminsOf(database).map((admin) => admin.has(consumer)));
  if (!found.includes(true))
    throw new Error(`there is no consumer named ${consumer}: see \`events consumers\``);
}

const skipCommand = (consumer: string, which: string, output: Output) =>
  withDatabase(async (database) => {
    const skipped = await sumOf(database, (admin) => admin.skip(consumer, which));
    if (skipped === 0) await mustExist(database, consumer);
    if (output.json) console.log(JSON.stringify({ skipped }));
    else if (skipped > 0) console.log(`${consumer} skips ${which} and continues behind it.`);
    else
      console.log(
        `${consumer} is not stopped at ${which}, or is delivering it just now: see \`events dead\` and \`events waiting\`.`,
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
    else if (retired > 0) console.log(`The progress of ${consumer} was removed.`);
    else if (found)
      console.log(`${consumer} is read by ${holders.join(", ")}: stop that process first.`);
    else console.log(`There is no consumer named ${consumer}: see \`events consumers\`.`);
    if (retired === 0) process.exitCode = 1;
  });

async function sumOf(
  database: Database,
  work: (admin: EventAdmin) => Promise<number>,
): Promise<number> {
  const counts = await Promise.all(adminsOf(database).map(work));
  return counts.reduce((sum, count) => sum + count, 0);
}
