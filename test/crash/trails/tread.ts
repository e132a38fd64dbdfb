import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import pgConnectionString from "pg-connection-string";
import type { Logger } from "pino";
import type { Event } from "#kernel/event.ts";
import { ok } from "#kernel/result.ts";
import type { AnyConsumer } from "#platform/events/consumer.ts";
import {
  registerSubscriptions,
  postgresSubscription,
} from "#platform/events/postgres-subscription.ts";
import { Subscription } from "#platform/events/subscription.ts";
import { WakeUp } from "#platform/events/wake-up.ts";
import { Database } from "#platform/postgres/database.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import type { UnitsOfWork } from "#kernel/unit-of-work.ts";
import {
  systemClock as clock,
  systemIds as newId,
  systemTimers as timers,
} from "#platform/system.ts";
import {
  consumersOf,
  schema,
  stepsOf,
  trailsOn,
  type Post,
  type Step,
  type Trails,
} from "./trails.ts";

/** Commands that are given side by side, and how long each rests between two. */
const writers = 3;
const restMs = 20;
/** So long a newer release writes what only it knows, and leaves the reading to the older one. */
const aheadMs = 500;
/** All processes write to the same few streams. */
const streams = 24;

const limits = {
  pollMs: 200,
  retryMs: 20,
  maxRetryMs: 200,
  maxAttempts: 40,
  deferredRetryMs: 500,
  outageRetryMs: 500,
  handlerTimeoutMs: 2_000,
};

/** Of the consumer that some events are too much for. */
const fragileAttempts = 5;

export type Treading = {
  readonly databaseUrl: string;
  readonly release: number;
  readonly receiver: string;
  readonly log: Logger;
  /** Where a defect is planted. */
  readonly alter: (consumer: AnyConsumer<Trails>) => AnyConsumer<Trails>;
};

/** Writes to trails, and follows them, until it is disposed. */
export async function tread(options: Treading): Promise<AsyncDisposable> {
  const { databaseUrl, release, receiver, log, alter } = options;
  await using undo = new AsyncDisposableStack();
  const database = undo.use(
    new Database({
      connection: pgConnectionString.parseIntoClientConfig(databaseUrl),
      clock,
      maxConnections: 6,
      acquireTimeoutMs: 5_000,
      statementTimeoutMs: 500,
      idleInTransactionTimeoutMs: 5_000,
    }),
  );
  const wakeUp = new WakeUp(timers);
  const onAppended = () => wakeUp.call();
  const common = { database, schema, scope: trailsOn, onAppended, clock, newId };
  const post: Post = async ({ id, stream, version }) => {
    const body = JSON.stringify({ id, stream, version });
    const signal = AbortSignal.timeout(limits.handlerTimeoutMs);
    return (await fetch(receiver, { method: "POST", body, signal })).status;
  };
  const consumers = consumersOf(release, post).map(alter);
  await registerSubscriptions(
    database,
    schema,
    consumers.map(({ name, declaration }) => ({ name, declaration, atEnd: false })),
  );
  let isAhead = release > 1;
  const stepsNow = () => stepsOf(release)(isAhead ? "new" : someStep());
  undo.defer(startWriters(postgresUnitOfWork(common), stepsNow));
  await sleep(isAhead ? aheadMs : 0);
  isAhead = false;
  const process = `${randomUUID()}/${release}`;
  for (const one of consumers) {
    const subscription = new Subscription({
      consumer: one,
      wakeUp,
      process,
      clock,
      timers,
      chance: Math.random,
      log,
      times: {
        ...limits,
        ...(one.name === "trail.fragile" ? { maxAttempts: fragileAttempts } : {}),
      },
      store: postgresSubscription({ ...common, name: one.name }),
      observer: { handled() {} },
    });
    undo.use(subscription.start());
  }
  return undo.move();
}

/** Gives commands until the answer is called, which ends when the last one has. */
function startWriters(
  { unitOfWork, read }: UnitsOfWork<Trails>,
  steps: () => readonly Event[],
): () => Promise<void> {
  const stop = new AbortController();
  const context = () => ({
    actor: "walker",
    correlationId: randomUUID(),
    deadlineMs: clock.unixMs() + 2_000,
  });
  async function step(): Promise<void> {
    const round = await read(context(), (trails) => trails.round());
    if (round === null) return;
    const id = `trail_${round}_${Math.floor(Math.random() * streams)}`;
    const lock = Math.random() < 0.5 ? [id] : [];
    const work = async (trails: Trails) => {
      trails.append(id, await trails.versionOf(id), steps());
      return ok(undefined);
    };
    await unitOfWork(context(), work, { lock });
  }
  async function write(): Promise<void> {
    while (!stop.signal.aborted) {
      await step().catch(() => {}); // as a client that does not come back
      await sleep(restMs);
    }
  }
  const writing = Array.from({ length: writers }, write);
  return async () => {
    stop.abort();
    await Promise.all(writing);
  };
}

/** Fewer of those that cost attempts. */
const someStep = (): Step => {
  const draw = Math.random();
  if (draw < 0.008) return "stall";
  if (draw < 0.025) return "fail";
  if (draw < 0.2) return "echo";
  return draw < 0.3 ? "new" : "plain";
};
