import type { Recorded } from "#kernel/event.ts";
import type { Instant } from "#kernel/instant.ts";
import { statement, type Database } from "../postgres/database.ts";
import { eventColumns, toRecorded, type EventRow } from "./postgres-log.ts";

/** How one partition of a subscription is doing, read from the tables: progress, not liveness. */
export type SubscriptionHealth = {
  readonly name: string;
  readonly partition: number;
  readonly lease_holder: string | null;
  readonly updated_at: Instant;
  /** Events not yet delivered, counted up to `maxLagCounted`. */
  readonly lag: number;
  readonly oldest_undelivered_at: Instant | null;
  readonly retrying: number;
  readonly dead: number;
};

export type DeadLetter = {
  readonly subscription: string;
  readonly stream: string;
  readonly version: number;
  readonly event_id: string;
  readonly event_type: string;
  readonly attempts: number;
  readonly error: string;
  readonly correlation_id: string;
  readonly parked_at: Instant;
};

export type EventFilter = {
  readonly stream?: string | undefined;
  readonly type?: string | undefined;
  readonly limit: number;
};

/** Counting further costs more than it tells. */
const maxLagCounted = 100_000;

const undelivered = (schema: string) => `
  ${schema}.events e
   where (e.epoch, e.transaction_id, e.position) > (s.epoch, s.transaction_id, s.position)
     and abs(hashtextextended(e.stream, 0) % s.partitions) = s.partition`;

function statementsOf(schema: string) {
  const name = (what: string) => `${schema}.admin-${what}`;
  return {
    health: statement<SubscriptionHealth>(
      name("health"),
      `select s.name, s.partition, s.lease_holder, s.updated_at,
              (select count(*) from
                (select from ${undelivered(schema)} limit ${maxLagCounted}) counted) as lag,
              (select e.occurred_at from ${undelivered(schema)}
                order by e.epoch, e.transaction_id, e.position limit 1) as oldest_undelivered_at,
              (select count(*) from ${schema}.parked_streams p
                where p.subscription = s.name and p.partition = s.partition
                  and p.retry_at is not null) as retrying,
              (select count(*) from ${schema}.parked_streams p
                where p.subscription = s.name and p.partition = s.partition
                  and p.retry_at is null) as dead
         from (select *, count(*) over (partition by name) as partitions
                 from ${schema}.subscriptions) s
        order by s.name, s.partition`,
    ),
    list: statement<EventRow>(
      name("list"),
      `select * from (
         select ${eventColumns} from ${schema}.events
          where ($1::text is null or stream = $1) and ($2::text is null or type = $2)
          order by epoch desc, transaction_id desc, position desc limit $3) newest
        order by epoch, transaction_id, position`,
    ),
    dead: statement<DeadLetter>(
      name("dead"),
      `select subscription, stream, version, event_id, event_type, attempts, error,
              correlation_id, parked_at
         from ${schema}.parked_streams where retry_at is null order by parked_at`,
    ),
    replay: statement<{ readonly stream: string }>(
      name("replay"),
      `update ${schema}.parked_streams set retry_at = now(), attempts = 0
        where retry_at is null and ($1::text is null or subscription = $1)
          and ($2::text is null or event_id = $2 or stream = $2)
       returning stream`,
    ),
    prune: statement<{ readonly stream: string }>(
      name("prune"),
      `with read as (
         select epoch, transaction_id, position from ${schema}.subscriptions
          order by epoch, transaction_id, position limit 1
       ), old as (
         select e.epoch, e.transaction_id, e.position from ${schema}.events e, read
          where (e.epoch, e.transaction_id, e.position)
                <= (read.epoch, read.transaction_id, read.position)
            and e.occurred_at < now() - make_interval(days => $1)
            and not exists (select from ${schema}.parked_streams p where p.stream = e.stream)
          order by e.epoch, e.transaction_id, e.position limit $2
       )
       delete from ${schema}.events e using old
        where (e.epoch, e.transaction_id, e.position)
              = (old.epoch, old.transaction_id, old.position)
       returning e.stream`,
    ),
  };
}

/** Deleting what nobody needs any more, a batch at a time. */
function choresOf(schema: string) {
  const name = (of: string) => `${schema}.${of}`;
  return {
    forgetKeys: statement<{ readonly key: string }>(
      name("forget-keys"),
      `delete from ${schema}.idempotency_keys where (actor, key) in (
         select actor, key from ${schema}.idempotency_keys
          where created_at < now() - make_interval(hours => $1) limit $2)
       returning key`,
    ),
    forgetChanges: statement<{ readonly epoch: number }>(
      name("forget-changes"),
      `delete from ${schema}.changes where epoch in (
         select epoch from ${schema}.changes
          where changed_at < now() - interval '1 hour' limit $1)
       returning epoch`,
    ),
  };
}

/** What an operator asks of the event log of one context. */
export function eventAdmin(database: Database, schema: string) {
  const sql = { ...statementsOf(schema), ...choresOf(schema) };
  return {
    health: () => database.query(sql.health, []),
    /** The newest events that fit, oldest first. */
    async list({ stream, type, limit }: EventFilter): Promise<readonly Recorded[]> {
      const rows = await database.query(sql.list, [stream ?? null, type ?? null, limit]);
      return rows.map(toRecorded);
    },
    dead: () => database.query(sql.dead, []),
    /** Lets dead letters be tried again; answers how many. `which`: an event id or a stream. */
    async replay(subscription?: string, which?: string): Promise<number> {
      return (await database.query(sql.replay, [subscription ?? null, which ?? null])).length;
    },
    /** Deletes old events that every subscription has read; answers how many. */
    async prune(olderThanDays: number, limit: number): Promise<number> {
      return (await database.query(sql.prune, [olderThanDays, limit])).length;
    },
    /** Forgets old idempotency keys; answers how many. */
    async forgetKeys(olderThanHours: number, limit: number): Promise<number> {
      return (await database.query(sql.forgetKeys, [olderThanHours, limit])).length;
    },
    /** Forgets changes that every cache has heard of by now; who has not, forgets everything. */
    async forgetChanges(limit: number): Promise<number> {
      return (await database.query(sql.forgetChanges, [limit])).length;
    },
  };
}

export type EventAdmin = ReturnType<typeof eventAdmin>;

const horizon = statement<{ readonly age_s: number | null }>(
  "basalt.horizon-age",
  `select extract(epoch from now() - min(xact_start))::float8 as age_s
     from pg_stat_activity where backend_xid is not null`,
);

/** Seconds since the oldest writing transaction began: events newer than it wait for its end. */
export async function horizonAge(database: Database): Promise<number> {
  const [row] = await database.query(horizon, []);
  return row?.age_s ?? 0;
}
