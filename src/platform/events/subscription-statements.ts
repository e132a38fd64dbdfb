import type { Instant } from "#kernel/instant.ts";
import type { Version } from "#kernel/version.ts";
import { statement } from "../postgres/database.ts";
import { eventColumns, slotOfStream, type EventRow } from "./postgres-log.ts";
import { maxErrorLength, processEnded } from "./failure.ts";
import {
  leaving,
  slotCount,
  type Held,
  type ParkedName,
  type ParkedStream,
} from "./subscription-store.ts";

type HeldRow = Held & { readonly fair: number };

type ParkedRow = {
  readonly stream: string;
  readonly slot: number;
  readonly version: number;
  readonly event_id: string;
  readonly event_type: string;
  readonly correlation_id: string;
  readonly state: ParkedStream["state"];
  readonly attempts: number;
  readonly retry_at: Instant | null;
  readonly parked_at: Instant;
  readonly error: string | null;
  readonly is_outage: boolean;
};
const parkedColumns =
  "stream, slot, version, event_id, event_type, correlation_id, state, attempts, retry_at, " +
  "parked_at, error, is_outage";

export const toParked = (row: ParkedRow): ParkedStream => ({
  stream: row.stream,
  slot: row.slot,
  version: row.version as Version,
  eventId: row.event_id,
  eventType: row.event_type,
  correlationId: row.correlation_id,
  state: row.state,
  attempts: row.attempts,
  since: row.parked_at,
  isOutage: row.is_outage,
  ...(row.retry_at === null ? {} : { retryAt: row.retry_at }),
  ...(row.error === null ? {} : { error: row.error }),
});

export const toRow = (parked: ParkedStream): ParkedRow => ({
  stream: parked.stream,
  slot: parked.slot,
  version: parked.version,
  event_id: parked.eventId,
  event_type: parked.eventType,
  correlation_id: parked.correlationId,
  state: parked.state,
  attempts: parked.attempts,
  retry_at: parked.retryAt ?? null,
  parked_at: parked.since,
  error: parked.error ?? null,
  is_outage: parked.isOutage,
});

const nameIn = (schema: string) => (what: string) => `${schema}.subscription-${what}`;

/** A process counts while it was seen within its lease; a clock that stepped back hides no death. */
export const isSeen = (leaseMs: string) =>
  `seen_at between now() - make_interval(secs => ${leaseMs}::float8 / 1000)
               and now() + make_interval(secs => ${leaseMs}::float8 / 1000)`;

/** The holders of the slots. */
export function memberStatements(schema: string) {
  const name = nameIn(schema);
  return {
    beat: statement(
      name("beat"),
      `insert into ${schema}.subscribers (name, process, declaration, waits_at, seen_at)
       values ($1, $2, $3, $4, now())
       on conflict (name, process) do update
         set declaration = excluded.declaration, waits_at = excluded.waits_at, seen_at = now()`,
    ),
    /**
     * Of the processes with the newest declaration, each should have as many slots as the others,
     * or one more. What it has over that, it gives back by itself. From a process with an older
     * declaration a slot is taken at once: it would pass over events that it does not know. Where it
     * hands something over, it is made to look again, and leaves when that has ended.
     */
    share: statement<HeldRow>(
      name("share"),
      `with alive as (
         select process, declaration from ${schema}.subscribers
          where name = $1 and (process = $2 or ${isSeen("$3")})
       ), gone as (
         delete from ${schema}.subscribers
          where name = $1 and process <> $2 and not ${isSeen("10 * $3")}
       ), newest as (
         select declaration from ${schema}.declarations
          where name = $1 and declaration <> '${leaving}' and declaration in (select declaration from alive)
          order by number desc limit 1
       ), sharers as (
         select process, row_number() over (order by process) as rank, count(*) over () as n
           from alive where declaration = (select declaration from newest)
       ), mine as (
         select coalesce((select ${slotCount} / n + case when rank <= ${slotCount} % n then 1 else 0 end
                            from sharers where process = $2), 0) as fair
       ), busy as (
         select distinct slot from ${schema}.parked_streams
          where subscription = $1 and state = 'claimed'
       ), older as (
         update ${schema}.subscriptions set commits = commits + 1
          where name = $1 and slot in (select slot from busy) and (select fair from mine) > 0
            and lease_holder in (select process from alive)
            and lease_holder not in (select process from sharers)
       ), free as (
         select slot from ${schema}.subscriptions
          where name = $1 and lease_holder is distinct from $2
            and (lease_holder is null or lease_holder not in (select process from alive)
                 or (lease_holder not in (select process from sharers)
                     and (select fair from mine) > 0 and slot not in (select slot from busy)))
          order by slot
          limit (select greatest(0, fair - (select count(*) from ${schema}.subscriptions
                                             where name = $1 and lease_holder = $2)) from mine)
            for update skip locked
       ), taken as (
         update ${schema}.subscriptions s set lease_holder = $2, lease_token = lease_token + 1
           from free where s.name = $1 and s.slot = free.slot
         returning s.slot, s.lease_token as token, s.commits, s.position
       )
       select held.*, fair from mine left join (
         select * from taken
         union all
         select slot, lease_token, commits, position from ${schema}.subscriptions
          where name = $1 and lease_holder = $2) held on true`,
    ),
    release: statement(
      name("release"),
      `update ${schema}.subscriptions set lease_holder = null
        where name = $1 and lease_holder = $2 and slot = any($3::smallint[])`,
    ),
    leave: statement(
      name("leave"),
      `with gone as (delete from ${schema}.subscribers where name = $1 and process = $2)
       update ${schema}.subscriptions set lease_holder = null, updated_at = now()
        where name = $1 and lease_holder = $2`,
    ),
  };
}

export type DueRow = ParkedRow & {
  readonly is_due: boolean;
  readonly is_skipped: boolean;
  readonly events: readonly EventRow[] | null;
};

/** The events to deliver. */
export function readStatements(schema: string) {
  const name = nameIn(schema);
  const read = (what: string, slots: string) =>
    statement<EventRow & { readonly slot: number }>(
      name(what),
      `select ${eventColumns}, ${slotOfStream}::smallint as slot from ${schema}.events
        where position > $1 and position <= $2 and ${slots}
        order by position limit $3`,
    );
  return {
    read: read("read", `${slotOfStream} = any($4::smallint[])`),
    readAll: read("read-all", "true"),
    adopt: statement<ParkedName>(
      name("adopt"),
      `with claimed as (
         update ${schema}.parked_streams
            set state = case when attempts < $5 then 'retrying' else 'dead' end,
                retry_at = case when attempts < $5 then $3::timestamptz end,
                error = case when error like '${processEnded}%' then error
                             else left(concat_ws('; before it: ', '${processEnded}', error), ${maxErrorLength}) end
          where subscription = $1 and slot = any($2::smallint[]) and state = 'claimed'
            and stream <> all($4::text[])
       )
       select stream, slot from ${schema}.parked_streams
        where subscription = $1 and slot = any($2::smallint[])`,
    ),
    /**
     * The event at which a stream stands and the one after it, as far as its slot has passed them. One
     * that is skipped is due when its slot has passed it.
     */
    due: statement<DueRow>(
      name("due"),
      `with at as (select * from unnest($2::smallint[], $5::bigint[]) at(slot, position))
       select p.*, e.events
         from (select ${parkedColumns}, is_skipped, retry_at <= $6 as is_due
                 from ${schema}.parked_streams p
                where subscription = $1 and state = 'retrying' and slot = any($2::smallint[])
                  and stream <> all($3::text[])
                  and (not is_skipped or exists (
                    select from ${schema}.events e join at on at.slot = p.slot
                     where e.stream = p.stream and e.version = p.version
                       and e.position <= at.position))
                order by retry_at limit $4) p
         join at on at.slot = p.slot
         left join lateral
           (select json_agg(e) as events from
             (select ${eventColumns} from ${schema}.events
               where stream = p.stream and version >= p.version and position <= at.position
               order by version limit 2) e) e on p.is_due
        order by p.retry_at`,
    ),
  };
}

/** How far the reader is. */
export function progressStatements(schema: string) {
  const name = nameIn(schema);
  return {
    progress: statement(
      name("progress"),
      `with parked as (
         insert into ${schema}.parked_streams (subscription, ${parkedColumns})
         select $1, ${parkedColumns}
           from jsonb_populate_recordset(null::${schema}.parked_streams, $6::jsonb)
         on conflict (subscription, stream) do update set version = excluded.version,
           event_id = excluded.event_id, event_type = excluded.event_type,
           correlation_id = excluded.correlation_id, state = excluded.state,
           attempts = excluded.attempts, retry_at = excluded.retry_at,
           parked_at = excluded.parked_at, error = excluded.error, is_outage = excluded.is_outage,
           is_skipped = false
       ), unparked as (
         delete from ${schema}.parked_streams p
          using unnest($7::text[], $8::bigint[]) done(stream, version)
          where p.subscription = $1 and p.stream = done.stream and p.version = done.version
       )
       select ${schema}.advance($1, $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[],
                                $9, $10)`,
    ),
    areHeld: statement<{ readonly held: number }>(
      name("are-held"),
      `select count(*) as held from ${schema}.subscriptions s
         join unnest($2::smallint[], $3::bigint[], $4::bigint[]) m(slot, token, commits)
           on s.slot = m.slot and s.lease_token = m.token and s.commits = m.commits
        where s.name = $1`,
    ),
  };
}
