import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { event, registry } from "#kernel/event.ts";
import { identifier, type Id } from "#kernel/id.ts";
import { ok } from "#kernel/result.ts";
import { Version } from "#kernel/version.ts";
import { consumer } from "#platform/events/consumer.ts";
import { postgresSubscription } from "#platform/events/postgres-subscription.ts";
import { Subscription } from "#platform/events/subscription.ts";
import { WakeUp } from "#platform/events/wake-up.ts";
import { statement, type Database } from "#platform/postgres/database.ts";
import { postgresUnitOfWork, type Transaction } from "#platform/postgres/unit-of-work.ts";
import { independentMutation } from "#platform/postgres/writes.ts";
import { systemClock as clock, systemIds as newId } from "#platform/system.ts";
import { benchDatabase } from "./database.ts";
import { median, percentile, spread, type Figure } from "./measure.ts";

const backlog = 40_000;
const rounds = 3;
const lightLoad = { events: 400, pauseMs: 10 };

export type ParcelId = Id<"parcel">;
export const ParcelId = identifier<ParcelId>("parcel");
const ParcelSent = event("bench.parcel-sent", 1, { parcelId: ParcelId });
const parcels = registry(ParcelSent);

const insertEffect = independentMutation(
  "bench.effect-insert",
  "effects",
  "insert into bench.effects (event_id, parcel_id) values ($1, $2)",
);
const clear = statement("bench.clear", "truncate bench.effects, bench.subscriptions");
const count = statement<{ readonly n: number }>(
  "bench.count",
  "select count(*) as n from bench.effects",
);
const forget = statement(
  "bench.forget",
  "truncate bench.effects, bench.subscriptions, bench.events",
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
    ...{ database, connection, rate: () => drainRate(database) },
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  };
}

export async function eventFigures(): Promise<readonly Figure[]> {
  await using backlogged = await drainage();
  const { database, rate } = backlogged;
  const rates: number[] = [];
  for (let round = 0; round < rounds; round += 1) rates.push(await rate());
  const latencies = await lightLatencies(database);
  const p50 = percentile(latencies, 0.5);
  const p99 = percentile(latencies, 0.99);
  return [
    {
      what: "one subscription, an effect per event, batches of 100",
      measured: `${spread(rates, 0)} events/s`,
      bar: "≥ 20 000 events/s, aim 45 000",
      kept: median(rates) >= 20_000,
    },
    {
      what: "publish → handled at light load",
      measured: `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
      bar: "p50 < 5 ms, p99 < 20 ms",
      kept: p50 < 5 && p99 < 20,
    },
  ];
}

type Subscribed = { readonly wakeUp: WakeUp; readonly subscription: Subscription<unknown> };

async function subscribe(
  database: Database,
  name: string,
  handled: (parcelId: ParcelId) => void,
): Promise<Subscribed> {
  const wakeUp = new WakeUp();
  const scope = ({ write }: Transaction) => ({
    keep: (id: string, parcelId: string) => write(insertEffect, [id, parcelId]),
  });
  const keeping = consumer<ReturnType<typeof ParcelSent>, ReturnType<typeof scope>>({
    name,
    events: parcels,
    on: {
      "bench.parcel-sent": async ({ id, payload: { parcelId } }, { keep }) => {
        keep(id, parcelId);
        handled(parcelId);
      },
    },
  });
  const store = postgresSubscription({
    ...{ database, schema: "bench", name, scope, clock, newId },
    onAppended: () => {},
  });
  const subscription = new Subscription({
    consumer: keeping,
    store,
    wakeUp,
    process: "bench",
    clock,
    chance: Math.random,
    log: pino({ level: "warn" }),
    observer: { handled: () => {} },
  });
  return { wakeUp, subscription: subscription as Subscription<unknown> };
}

/** Events per second from the start of a subscription to the last effect of a backlog. */
async function drainRate(database: Database): Promise<number> {
  await database.query(clear, []);
  const { subscription } = await subscribe(database, "bench.drain", () => {});
  const startedAt = performance.now();
  await using _running = subscription.start();
  for (;;) {
    const [row] = await database.query(count, []);
    if (row?.n === backlog) return backlog / ((performance.now() - startedAt) / 1000);
    await sleep(20);
  }
}

/** From before the commit of an event to its handler, in ms, one event at a time. */
async function lightLatencies(database: Database): Promise<readonly number[]> {
  await database.query(forget, []);
  const arrivals = new Map<ParcelId, () => void>();
  const { wakeUp, subscription } = await subscribe(database, "bench.light", (parcelId) =>
    arrivals.get(parcelId)?.(),
  );
  await using _running = subscription.start();
  const { unitOfWork } = postgresUnitOfWork({
    ...{ database, schema: "bench", clock, newId },
    onAppended: () => wakeUp.call(),
    scope: sending,
  });
  const latencies: number[] = [];
  for (let i = 0; i < lightLoad.events; i += 1) {
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
