import type { Recorded } from "#kernel/event.ts";
import type { Instant } from "#kernel/instant.ts";
import { statement, type Database } from "../postgres/database.ts";
import { isLostRace } from "../postgres/errors.ts";
import { logHealth } from "./health.ts";
import { eventColumns, slotOfStream, toRecorded, type EventRow } from "./postgres-log.ts";
import { isSeen } from "./subscription-statements.ts";
import { defaultLimits } from "./subscription.ts";

/** A stream whose event has failed. */
export type FailedStream = {
  readonly subscription: string;
  readonly stream: string;
  readonly version: number;
  readonly event_id: string;
  readonly event_type: string;
  readonly attempts: number;
  readonly error: string;
  readonly correlation_id: string;
  /** When the event was first tried. */
  readonly parked_at: Instant;
  /** When it is tried again: missing where that is happening now. */
  readonly retry_at: Instant | null;
};

export type EventFilter = {
  readonly stream?: string | undefined;
  readonly type?: string | undefined;
  readonly limit: number;
};

const nameIn = (schema: string) => (what: string) => `${schema}.admin-${what}`;

function logStatements(schema: string) {
  const name = nameIn(schema);
  return {
    list: statement<EventRow>(
      name("list"),
      `select * from (
         select ${eventColumns} from ${schema}.events
          where ($1::text is null or stream = $1) and ($2::text is null or type = $2)
          order by position desc limit $3) newest
        order by position`,
    ),
    prune: statement<{ readonly stream: string }>(
      name("prune"),
      `delete from ${schema}.events where position in (
         select e.position from ${schema}.events e
          where e.position < (select min(position) from ${schema}.subscriptions)
            and e.occurred_at < now() - make_interval(days => $1)
            and not exists (select from ${schema}.parked_streams p where p.stream = e.stream)
          order by e.position limit $2)
       returning stream`,
    ),
    has: statement<{ readonly name: string }>(
      name("has"),
      `select name from ${schema}.subscriptions where name = $1 limit 1`,
    ),
    retire: statement<{ readonly name: string }>(
      name("retire"),
      `with slots as (delete from ${schema}.subscriptions where name = $1 returning name),
            parked as (delete from ${schema}.parked_streams where subscription = $1),
            subscribers as (delete from ${schema}.subscribers where name = $1),
            declarations as (delete from ${schema}.declarations where name = $1)
       select distinct name from slots`,
    ),
  };
}

/** Before all times: due by every clock. */
const atOnce = "to_timestamp(0)";

/** A stream p whose event is being handed over is its holder's; where no process holds it, it is not. */
const mayMove = (schema: string) => `(p.state <> 'claimed' or not exists (
    select from ${schema}.subscriptions s
      join ${schema}.subscribers b on b.name = s.name and b.process = s.lease_holder
     where s.name = p.subscription and s.slot = p.slot
       and b.${isSeen(String(defaultLimits.leaseMs))}))`;

/** Events that have failed. */
function failureStatements(schema: string) {
  const name = nameIn(schema);
  const failed = (what: string, which: string, order: string) =>
    statement<FailedStream>(
      name(what),
      `select subscription, stream, version, event_id, event_type, attempts, error,
              correlation_id, parked_at, retry_at
         from ${schema}.parked_streams where ${which} order by ${order}`,
    );
  return {
    dead: failed("dead", "state = 'dead'", "parked_at"),
    waiting: failed("waiting", "state <> 'dead' and error is not null", "retry_at"),
    /** Its holders are made to begin again from what is kept: an attempt under way does not undo it. */
    replay: statement<{ readonly stream: string }>(
      name("replay"),
      `with target as (
         select subscription, stream, slot from ${schema}.parked_streams p
          where ($1::text is null or subscription = $1)
            and ($2::text is null or event_id = $2 or stream = $2)
            and (state = 'dead' or coalesce($1::text, $2::text) is not null and ${mayMove(schema)})
            and not is_skipped
          order by subscription, stream for update
       ), fenced as (
         update ${schema}.subscriptions s set commits = commits + 1
           from (select distinct subscription, slot from target) t
          where s.name = t.subscription and s.slot = t.slot
       )
       update ${schema}.parked_streams p
          set state = 'retrying', retry_at = ${atOnce}, attempts = 0, parked_at = now()
         from target t where p.subscription = t.subscription and p.stream = t.stream
       returning p.stream`,
    ),
  };
}

/** Events that are passed over. */
function skipStatements(schema: string) {
  const name = nameIn(schema);
  return {
    /** Locks the slot of an event before it is skipped: a commit that passes it has ended then. */
    lock: statement<{ readonly slot: number }>(
      name("skip-lock"),
      `select slot from ${schema}.subscriptions
        where name = $1 and slot in (
          select slot from ${schema}.parked_streams
           where subscription = $1 and (event_id = $2 or stream = $2)
          union all select ${slotOfStream} from ${schema}.events where id = $2)
        for update`,
    ),
    /**
     * The event at which a stream is parked, or one that is the next of its stream. Its holder is made
     * to begin again from what is kept. One that is being handed over is left to end.
     */
    skip: statement<{ readonly stream: string }>(
      name("skip"),
      `with target as (
         select stream, slot, version, event_id, event_type, correlation_id
           from ${schema}.parked_streams p
          where subscription = $1 and ${mayMove(schema)} and not is_skipped
            and (event_id = $2 or stream = $2 and (attempts > 0 or error is not null))
         union all
         select e.stream, s.slot, e.version, e.id, e.type, e.metadata ->> 'correlationId'
           from (select *, ${slotOfStream} as slot from ${schema}.events where id = $2) e
           join ${schema}.subscriptions s
             on s.name = $1 and s.slot = e.slot and s.position < e.position
          where not exists (select from ${schema}.parked_streams
                             where subscription = $1 and stream = e.stream)
            and not exists (select from ${schema}.events earlier
                             where earlier.stream = e.stream and earlier.version < e.version
                               and earlier.position > s.position)
       ), parked as (
         insert into ${schema}.parked_streams (subscription, stream, slot, version, event_id,
                  event_type, correlation_id, state, attempts, retry_at, is_skipped)
         select $1, stream, slot, version, event_id, event_type, correlation_id,
                'retrying', 0, ${atOnce}, true from target
         on conflict (subscription, stream) do update set state = excluded.state,
           attempts = 0, retry_at = excluded.retry_at, parked_at = now(), error = null,
           is_outage = false, is_skipped = true
       ), fenced as (
         update ${schema}.subscriptions set commits = commits + 1
          where name = $1 and slot in (select slot from target)
       )
       select stream from target`,
    ),
  };
}

/** Deletes rows that are no longer needed, a batch at a time. */
function choresOf(schema: string) {
  const name = (table: string) => `${schema}.${table}`;
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

/** Operations of an operator on the event log of one context. */
export function eventAdmin(database: Database, schema: string) {
  const sql = {
    ...logStatements(schema),
    ...failureStatements(schema),
    ...skipStatements(schema),
    ...choresOf(schema),
  };
  const has = async (name: string) => (await database.query(sql.has, [name])).length > 0;
  return {
    /** Whether a subscription of this name reads the log. */
    has,
    health: () => logHealth(database, schema),
    /** The newest events that fit, oldest first. */
    async list({ stream, type, limit }: EventFilter): Promise<readonly Recorded[]> {
      const rows = await database.query(sql.list, [stream ?? null, type ?? null, limit]);
      return rows.map(toRecorded);
    },
    /** Streams whose event failed for good: dead letters. */
    dead: () => database.query(sql.dead, []),
    /** Streams whose event has failed and is tried again. */
    waiting: () => database.query(sql.waiting, []),
    /**
     * Lets dead letters be tried again at once; where a subscription or one of them is named, also what
     * waits to be. Answers how many. `which`: an event id or a stream.
     */
    async replay(subscription?: string, which?: string): Promise<number> {
      const asked = [subscription ?? null, which ?? null];
      return (await again(() => database.query(sql.replay, asked))).length;
    },
    /** Passes over an event; answers how many. `which`: its id, or its stream where that is parked. */
    async skip(subscription: string, which: string): Promise<number> {
      const skipped = await again(() =>
        database.session(async (session) => {
          await session.run("begin");
          await session.query(sql.lock, [subscription, which]);
          const streams = await session.query(sql.skip, [subscription, which]);
          await session.commit();
          return streams;
        }),
      );
      return skipped.length;
    },
    /** Forgets a subscription, so that nothing waits for it any more; answers how many. */
    async retire(subscription: string): Promise<number> {
      return (await database.query(sql.retire, [subscription])).length;
    },
    /** Deletes old events that every subscription has read; answers how many. */
    async prune(olderThanDays: number, limit: number): Promise<number> {
      return (await database.query(sql.prune, [olderThanDays, limit])).length;
    },
    /** Forgets old idempotency keys; answers how many. */
    async forgetKeys(olderThanHours: number, limit: number): Promise<number> {
      return (await database.query(sql.forgetKeys, [olderThanHours, limit])).length;
    },
    /** Deletes old changes of cached rows. A cache that has not read them yet empties itself. */
    async forgetChanges(limit: number): Promise<number> {
      return (await database.query(sql.forgetChanges, [limit])).length;
    },
  };
}

const maxTries = 10;

/** Repeats work that the server ended as a deadlock, so that a reader could go on. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1)
    try {
      return await work();
    } catch (error) {
      if (tries === maxTries || !isLostRace(error)) throw error;
    }
}

export type EventAdmin = ReturnType<typeof eventAdmin>;
