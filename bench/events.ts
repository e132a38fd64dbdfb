import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { pino } from "pino";
import { event, registry } from "#kernel/event.ts";
import { identifier, type Id } from "#kernel/id.ts";
import { ok } from "#kernel/result.ts";
import { Version } from "#kernel/version.ts";
import type { Email } from "#platform/email/email.ts";
import { smtpEmail } from "#platform/email/nodemailer-email.ts";
import { consumer, outsideConsumer, type AnyConsumer } from "#platform/events/consumer.ts";
import { postgresSubscription } from "#platform/events/postgres-subscription.ts";
import { Subscription } from "#platform/events/subscription.ts";
import { WakeUp } from "#platform/events/wake-up.ts";
import { statement, type Database } from "#platform/postgres/database.ts";
import { postgresUnitOfWork, type Transaction } from "#platform/postgres/unit-of-work.ts";
import { independentMutation } from "#platform/postgres/writes.ts";
import {
  systemClock as clock,
  systemIds as newId,
  systemTimers as timers,
} from "#platform/system.ts";
import { benchDatabase } from "./database.ts";
import { median, percentile, spread, type Figure } from "./measure.ts";

const backlog = 40_000;
const rounds = 3;
const lightLoad = { events: 400, pauseMs: 10 };
const failingStreams = 200;
const outsideStreams = 1_000;
const outsideMs = 50;

export type ParcelId = Id<"parcel">;
export const ParcelId = identifier<ParcelId>("parcel");
const ParcelSent = event("bench.parcel-sent", 1, { parcelId: ParcelId });
const parcels = registry(ParcelSent);

const insertEffect = independentMutation(
  "bench.effect-insert",
  "effects",
  "insert into bench.effects (event_id, parcel_id) values ($1, $2)",
);
const clear = statement(
  "bench.clear",
  "truncate bench.effects, bench.subscriptions, bench.parked_streams, bench.subscribers",
);
const count = statement<{ readonly n: number }>(
  "bench.count",
  "select count(*) as n from bench.effects",
);
const forget = statement(
  "bench.forget",
  "truncate bench.effects, bench.subscriptions, bench.parked_streams, bench.subscribers, bench.events",
);
/** Those that were sent beside the backlog. */
const forgetSent = statement(
  "bench.forget-sent",
  "delete from bench.events where stream like 'parcel\\_0%'",
);
const makeStreams = statement(
  "bench.streams",
  `insert into bench.events (id, stream, version, type, schema_version, payload, metadata, occurred_at)
   select 'evt-' || i, 'parcel_' || i, 1, 'bench.parcel-sent', 1,
          jsonb_build_object('parcelId', 'parcel_' || lpad(i::text, 26, '0')),
          '{"actor":"bench","correlationId":"bench"}', now()
     from generate_series(1, ${outsideStreams}) i`,
);
const makeEffects = statement(
  "bench.effects",
  `create table bench.effects (event_id text collate "C" primary key, parcel_id text not null)`,
);
const makeBacklog = statement(
  "bench.backlog",
  `insert into bench.events (id, stream, version, type, schema_version, payload, metadata, occurred_at)
   select 'evt_' || i, 'parcel_' || i, 1, 'bench.parcel-sent', 1,
          jsonb_build_object('parcelId', 'parcel_' || lpad(i::text, 26, '0')),
          '{"actor":"bench","correlationId":"bench"}', now()
     from generate_series(1, ${backlog}) i`,
);

/** Where parcels are sent, each a stream of its own. */
export const sending = ({ append }: Transaction) => ({
  send: (id: ParcelId) => append(id, Version.none, [ParcelSent({ parcelId: id })]),
});

/** A backlog of events, and how many a second a subscription works off, from the first one. */
export async function drainage() {
  const bench = await benchDatabase();
  const { database, connection } = bench;
  await database.query(makeEffects, []);
  await database.query(makeBacklog, []);
  await database.query(statement("bench.analyze", "analyze bench.events"), []);
  return {
    database,
    connection,
    rate: () => drainRate(database),
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  };
}

export async function eventFigures(): Promise<readonly Figure[]> {
  await using backlogged = await drainage();
  const { database, rate } = backlogged;
  await rate(); // warm
  const rates: number[] = [];
  for (let round = 0; round < rounds; round += 1) rates.push(await rate());
  const beside: FailingBeside[] = [];
  for (let round = 0; round < rounds; round += 1) beside.push(await besideFailing(database));
  const latencies = await lightLatencies(database);
  const p50 = percentile(latencies, 0.5);
  const p99 = percentile(latencies, 0.99);
  const besideRates = beside.map(({ perSecond }) => perSecond);
  const ratio = median(besideRates) / median(rates);
  const healthyP99 = median(beside.map(({ p99Ms }) => p99Ms));
  const outside = await outsideRate(database);
  const emails = await emailRate(database);
  return [
    {
      what: "one subscription, an effect per event, batches of 100",
      measured: `${spread(rates, 0)} events/s`,
      bar: "≥ 45 000 events/s",
      kept: median(rates) >= 45_000,
    },
    {
      what: "publish → handled at light load",
      measured: `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
      bar: "p50 < 3 ms, p99 < 10 ms",
      kept: p50 < 3 && p99 < 10,
    },
    {
      what: `the same beside ${failingStreams} failing streams`,
      measured: `${ratio.toFixed(2)} × (${spread(besideRates, 0)} events/s); healthy p99 ${healthyP99.toFixed(1)} ms`,
      bar: "≥ 0.8 ×; p99 < 100 ms",
      kept: ratio >= 0.8 && healthyP99 < 100,
    },
    {
      what: `outside effects that take ${outsideMs} ms, ${outsideStreams} streams`,
      measured: `${outside.toFixed(0)} /s`,
      bar: "≥ 500 /s",
      kept: outside >= 500,
    },
    {
      what: `emails to an SMTP server that takes ${outsideMs} ms`,
      measured: `${emails.toFixed(0)} /s`,
      bar: "≥ 500 /s",
      kept: emails >= 500,
    },
  ];
}

type Subscribed = {
  readonly wakeUp: WakeUp;
  readonly subscription: Subscription<unknown>;
};

const keepingScope = ({ write }: Transaction) => ({
  keep: (id: string, parcelId: string) => write(insertEffect, [id, parcelId]),
});

function subscribe<Scope>(
  database: Database,
  consumer: AnyConsumer<Scope>,
  scope: (transaction: Transaction) => Scope,
): Subscribed {
  const wakeUp = new WakeUp(timers);
  const { name } = consumer;
  const store = postgresSubscription({
    database,
    schema: "bench",
    name,
    scope,
    clock,
    newId,
    onAppended: () => {},
  });
  const subscription = new Subscription({
    consumer,
    store,
    wakeUp,
    process: "bench",
    clock,
    timers,
    chance: Math.random,
    log: pino({ level: "fatal" }),
    observer: { handled: () => {} },
  });
  return { wakeUp, subscription: subscription as Subscription<unknown> };
}

/** A consumer that keeps an effect of each event, unless `handled` throws. */
const keeping = (name: string, handled: (parcelId: ParcelId) => void) =>
  consumer<ReturnType<typeof ParcelSent>, ReturnType<typeof keepingScope>>({
    name,
    events: parcels,
    on: {
      "bench.parcel-sent": async ({ id, payload: { parcelId } }, { keep }) => {
        handled(parcelId);
        keep(id, parcelId);
      },
    },
  });

async function until(database: Database, effects: number): Promise<void> {
  for (;;) {
    const [row] = await database.query(count, []);
    if ((row?.n ?? 0) >= effects) return;
    await sleep(20);
  }
}

/** Events per second from the start of a subscription to the last effect of a backlog. */
async function drainRate(database: Database): Promise<number> {
  await database.query(clear, []);
  const { subscription } = subscribe(
    database,
    keeping("bench.drain", () => {}),
    keepingScope,
  );
  const startedAt = performance.now();
  await using _running = subscription.start();
  await until(database, backlog);
  return backlog / ((performance.now() - startedAt) / 1000);
}

type FailingBeside = { readonly perSecond: number; readonly p99Ms: number };

/** Of the backlog, one in so many. */
const failing: ReadonlySet<string> = new Set(
  Array.from({ length: failingStreams }, (_, i) => {
    const number = (i + 1) * (backlog / failingStreams);
    return `parcel_${String(number).padStart(26, "0")}`;
  }),
);

/** The same while some streams fail all the time, which begin the log; then healthy events one by one. */
async function besideFailing(database: Database): Promise<FailingBeside> {
  await database.query(clear, []);
  const arrivals = new Map<ParcelId, () => void>();
  const { wakeUp, subscription } = subscribe(
    database,
    keeping("bench.beside", (parcelId) => {
      if (failing.has(parcelId)) throw new Error("fails");
      arrivals.get(parcelId)?.();
    }),
    keepingScope,
  );
  const startedAt = performance.now();
  await using _running = subscription.start();
  await until(database, backlog - failingStreams);
  const perSecond = backlog / ((performance.now() - startedAt) / 1000);
  const latencies = await latenciesOf(database, wakeUp, arrivals, 200);
  await database.query(forgetSent, []);
  return { perSecond, p99Ms: percentile(latencies, 0.99) };
}

/** Hand-overs per second, each of which takes a while, of as many streams as there are events. */
async function outsideRate(database: Database): Promise<number> {
  await database.query(forget, []);
  await database.query(makeStreams, []);
  let told = 0;
  const telling = outsideConsumer<ReturnType<typeof ParcelSent>, string>({
    name: "bench.outside",
    events: parcels,
    on: { "bench.parcel-sent": async ({ id }) => id },
    async deliver() {
      await sleep(outsideMs);
      told += 1;
    },
  });
  return timed(database, telling, () => told);
}

async function emailRate(database: Database): Promise<number> {
  await database.query(forget, []);
  await database.query(makeStreams, []);
  await using server = await slowSmtp();
  await using send = smtpEmail({ url: server.url, from: "b@example.com", maxConnections: 40 });
  let sent = 0;
  const emailing = outsideConsumer<ReturnType<typeof ParcelSent>, Email>({
    name: "bench.email",
    events: parcels,
    async deliver(email) {
      await send(email);
      sent += 1;
    },
    on: {
      "bench.parcel-sent": async ({ id }) => ({
        id,
        to: `${id}@example.com`,
        subject: "Welcome",
        text: "Hello\n",
      }),
    },
  });
  return await timed(database, emailing, () => sent);
}

/** An SMTP server in a thread of its own. */
async function slowSmtp(): Promise<AsyncDisposable & { readonly url: string }> {
  const file = path.join(import.meta.dirname, "slow-smtp.ts");
  const worker = new Worker(file, { workerData: outsideMs });
  const url = await new Promise<string>((resolve) => worker.once("message", resolve));
  return { url, [Symbol.asyncDispose]: async () => void (await worker.terminate()) };
}

async function timed(
  database: Database,
  consumer: AnyConsumer<unknown>,
  done: () => number,
): Promise<number> {
  const { subscription } = subscribe(database, consumer, () => undefined);
  const startedAt = performance.now();
  await using _running = subscription.start();
  while (done() < outsideStreams) await sleep(10);
  return outsideStreams / ((performance.now() - startedAt) / 1000);
}

/** From before the commit of an event to its handler, in ms, one event at a time. */
async function lightLatencies(database: Database): Promise<readonly number[]> {
  await database.query(forget, []);
  const arrivals = new Map<ParcelId, () => void>();
  const { wakeUp, subscription } = subscribe(
    database,
    keeping("bench.light", (parcelId) => arrivals.get(parcelId)?.()),
    keepingScope,
  );
  await using _running = subscription.start();
  return await latenciesOf(database, wakeUp, arrivals, lightLoad.events);
}

async function latenciesOf(
  database: Database,
  wakeUp: WakeUp,
  arrivals: Map<ParcelId, () => void>,
  events: number,
): Promise<readonly number[]> {
  const { unitOfWork } = postgresUnitOfWork({
    database,
    schema: "bench",
    clock,
    newId,
    onAppended: () => wakeUp.call(),
    scope: sending,
  });
  const latencies: number[] = [];
  for (let i = 0; i < events; i += 1) {
    const parcelId = newId(ParcelId);
    const arrived = Promise.withResolvers<void>();
    arrivals.set(parcelId, arrived.resolve);
    const deadlineMs = clock.unixMs() + 10_000;
    const context = { actor: "bench", correlationId: "bench", deadlineMs };
    const sentAt = performance.now();
    await unitOfWork(context, async ({ send }) => ok(send(parcelId)));
    await arrived.promise;
    latencies.push(performance.now() - sentAt);
    await sleep(lightLoad.pauseMs);
  }
  return latencies;
}
