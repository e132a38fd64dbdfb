import type { Timers } from "../runtime.ts";
import type { Instant } from "#kernel/instant.ts";
import { statement, type Database } from "../postgres/database.ts";
import { slotOfStream } from "./postgres-log.ts";
import { defaultLimits } from "./subscription.ts";

/** How one subscription is doing, read from the tables: progress, not liveness. */
export type SubscriptionHealth = {
  readonly name: string;
  /** Processes that read it, and how many slots each holds. */
  readonly holders: Readonly<Record<string, number>>;
  /** Slots that a living process holds, of 64. */
  readonly held: number;
  /** Seconds since a process that reads it was last seen, or left. */
  readonly unseen_s: number;
  /** When it was last seen to move. */
  readonly updated_at: Instant;
  readonly is_moving: boolean;
  /** Events not yet delivered, counted up to `maxLagCounted`. */
  readonly lag: number;
  readonly oldest_undelivered_at: Instant | null;
  /** Age in seconds of the oldest event not delivered, and of the longest first hand-over under way. */
  readonly waits_s: number;
  readonly parked: number;
  readonly claimed: number;
  readonly claimed_s: number;
  readonly retrying: number;
  /** Retrying streams that wait for a system that is away, and how long the first has waited. */
  readonly outage: number;
  readonly outage_s: number;
  readonly dead: number;
  readonly retry_error: string | null;
  readonly outage_error: string | null;
  readonly dead_error: string | null;
  /** An event that its processes do not know. */
  readonly waits_at: string | null;
  /** Whether it stands behind the end of its log, as after a restore of a part. */
  readonly is_ahead: boolean;
};

/** How a log is doing. `horizon_age_s`: of the oldest transaction that appends to it. */
export type LogHealth = {
  readonly log: string;
  readonly horizon_age_s: number;
  readonly subscriptions: readonly SubscriptionHealth[];
};

/** Something that an operator should know; `isBad` where events do not get on by themselves. */
export type Trouble = { readonly subject: string; readonly isBad: boolean; readonly says: string };

/** Counting further costs more than it tells. */
const maxLagCounted = 100_000;
/** After this time without progress a consumer with waiting events is stalled. */
const stillMs = 5_000;

function statementsOf(schema: string) {
  return {
    age: statement<{ readonly age_s: number }>(
      `${schema}.horizon-age`,
      `select ${schema}.horizon_age() as age_s`,
    ),
    health: statement<SubscriptionHealth>(
      `${schema}.health`,
      `with alive as (
         select name, process, waits_at from ${schema}.subscribers
          where seen_at between now() - make_interval(secs => $1) and now() + make_interval(secs => $1)
       ), slots as (
         select s.*, a.process as holder from ${schema}.subscriptions s
           left join alive a on a.name = s.name and a.process = s.lease_holder
       ), subscriptions as (
         select name, min(position) as first, max(position) as last, max(updated_at) as updated_at,
                count(holder) as held
           from slots group by name
       ), parked as (
         select subscription as name,
                count(*) as parked,
                count(*) filter (where state = 'claimed') as claimed,
                extract(epoch from now() - min(parked_at) filter (where state = 'claimed' and error is null)) as claimed_s,
                count(*) filter (where state <> 'dead' and error is not null) as retrying,
                count(*) filter (where state <> 'dead' and is_outage) as outage,
                extract(epoch from now() - min(parked_at)
                  filter (where state <> 'dead' and is_outage)) as outage_s,
                count(*) filter (where state = 'dead') as dead,
                max(error) filter (where state <> 'dead' and not is_outage) as retry_error,
                max(error) filter (where state <> 'dead' and is_outage) as outage_error,
                (array_agg(error order by parked_at desc) filter (where state = 'dead'))[1] as dead_error
           from ${schema}.parked_streams group by subscription
       )
       select s.name, s.held::int, s.updated_at, s.updated_at > now() - make_interval(secs => $2) as is_moving,
              coalesce((select jsonb_object_agg(holder, n) from
                (select holder, count(*) as n from slots o
                  where o.name = s.name and holder is not null group by holder) h), '{}') as holders,
              behind.lag, behind.oldest_undelivered_at,
              coalesce(extract(epoch from now() - behind.oldest_undelivered_at), 0)::float8 as waits_s,
              extract(epoch from now() - greatest(s.updated_at, (
                select max(seen_at) from ${schema}.subscribers b where b.name = s.name)))::float8 as unseen_s,
              coalesce(p.parked, 0) as parked, coalesce(p.claimed, 0) as claimed, coalesce(p.claimed_s, 0)::float8 as claimed_s,
              coalesce(p.retrying, 0) as retrying,
              coalesce(p.outage, 0) as outage, coalesce(p.outage_s, 0)::float8 as outage_s,
              coalesce(p.dead, 0) as dead,
              p.retry_error, p.outage_error, p.dead_error,
              (select max(waits_at) from alive a where a.name = s.name) as waits_at,
              s.last > (select head from ${schema}.horizon()) as is_ahead
         from subscriptions s
         left join parked p using (name)
         cross join lateral (
           select count(*) as lag, min(occurred_at) as oldest_undelivered_at from (
             select e.occurred_at
               from (select position, occurred_at, ${slotOfStream} as slot
                       from ${schema}.events where position > s.first) e
               join slots o on o.name = s.name and o.slot = e.slot and e.position > o.position
              limit ${maxLagCounted}) e
         ) behind
        order by s.name`,
    ),
  };
}

export async function logHealth(database: Database, schema: string): Promise<LogHealth> {
  const { age, health } = statementsOf(schema);
  const [[horizon], subscriptions] = await Promise.all([
    database.query(age, []),
    database.query(health, [defaultLimits.leaseMs / 1_000, stillMs / 1_000]),
  ]);
  return { log: schema, horizon_age_s: horizon?.age_s ?? 0, subscriptions };
}

/** The troubles of a log in words. Doctor, readiness and metrics show the same ones. */
export function troublesOf({
  log,
  horizon_age_s: ageS,
  subscriptions,
}: LogHealth): readonly Trouble[] {
  const held = ageS * 1_000 > stillMs;
  const horizon = {
    subject: log,
    isBad: true,
    says: `new events wait for a transaction that began ${seconds(ageS)} ago and has not ended`,
  };
  return [...(held ? [horizon] : []), ...subscriptions.flatMap(troublesIn)];
}

function troublesIn(health: SubscriptionHealth): readonly Trouble[] {
  const { name, lag, held, dead, retrying, outage, waits_at: waitsAt } = health;
  const waitsMs = health.waits_s * 1_000;
  const isLate = lag > 0 && waitsMs > stillMs;
  const waiting = health.parked - dead;
  const isUnread = held === 0 && health.unseen_s * 1_000 > stillMs;
  const isStill = isLate && !health.is_moving;
  const unread = lag > 0 ? counted(lag, "event") : counted(waiting, "parked stream");
  const found: readonly (readonly [boolean, boolean, string])[] = [
    [health.is_ahead, true, "it is ahead of its log: start Basalt again after the restore"],
    [
      isUnread && lag + waiting > 0,
      true,
      `no process reads it, waiting: ${unread}; if it was renamed or removed, retire it`,
    ],
    [waitsAt !== null && isLate, true, `it waits at ${waitsAt}, which needs a newer Basalt`],
    [isStill && held > 0 && waitsAt === null, true, `it stands still, ${lag} events wait`],
    [dead > 0, true, `${counted(dead, "dead letter")}; the last error: ${health.dead_error}`],
    [
      health.outage_s * 1_000 > stillMs,
      true,
      `something is away, waiting for it: ${counted(outage, "stream")}, the first of which failed ${seconds(health.outage_s)} ago: ${health.outage_error}`,
    ],
    [
      health.parked >= defaultLimits.maxParkedStreams,
      true,
      `${health.parked} parked streams: no new events are taken`,
    ],
    [
      retrying > outage,
      false,
      `${counted(retrying - outage, "stream")} to be tried again: ${health.retry_error}`,
    ],
    [
      held > 0 && health.claimed_s * 1_000 > stillMs,
      true,
      `a delivery has been under way for ${seconds(health.claimed_s)}`,
    ],
    [isLate && !isStill, false, `${lag} events behind, the oldest by ${seconds(health.waits_s)}`],
  ];
  return found.flatMap(([holds, isBad, says]) => (holds ? { subject: name, isBad, says } : []));
}

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

const seconds = (s: number): string => `${Math.round(s)} s`;

export type EventMonitor = {
  readonly healths: () => Promise<readonly LogHealth[]>;
  readonly troubles: () => Promise<readonly Trouble[]>;
};

/** How long an answer is shared. */
const keptMs = 1_000;

/** The health of some logs, shared by all callers for a moment: finding it reads all waiting events. */
export function eventMonitor(
  ask: readonly (() => Promise<LogHealth>)[],
  timers: Timers,
): EventMonitor {
  let kept: { readonly at: number; readonly healths: Promise<readonly LogHealth[]> } | undefined;
  const healths = () => {
    const now = timers.elapsedMs();
    if (!kept || now - kept.at > keptMs)
      kept = { at: now, healths: Promise.all(ask.map((health) => health())) };
    return kept.healths;
  };
  return {
    healths,
    troubles: async () => (await healths()).flatMap(troublesOf),
  };
}
