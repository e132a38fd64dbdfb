-- Readers follow the log by position alone (ADR 0014). Older processes go on serving requests; their
-- consumers read by transaction id, which is gone after this, and fail until they are stopped.
-- squawk-ignore-file ban-drop-table, ban-drop-column, renaming-table, renaming-column
-- squawk-ignore-file adding-not-nullable-field, constraint-missing-not-valid
-- squawk-ignore-file adding-serial-primary-key-field

-- Positions are drawn before the commit, so a reader needs to know which may still be missing. Who
-- draws one holds, until its transaction has ended, a shared lock that names the block of positions
-- it began in. {schema}.horizon() tells up to where nothing can be missing.
create sequence {schema}.positions minvalue 0;

alter table {schema}.events add column number bigint;
update {schema}.events e set number = n.number
  from (select stream, version,
               row_number() over (order by epoch, transaction_id, position) as number
          from {schema}.events) n
 where e.stream = n.stream and e.version = n.version;

-- Of the streams of a log, each belongs to one of 64 slots, for ever; processes divide the slots.
alter table {schema}.subscriptions rename to former_subscriptions;
alter table {schema}.former_subscriptions
  rename constraint subscriptions_pkey to former_subscriptions_pkey;
create table {schema}.subscriptions (
  name text collate "C" not null,
  slot smallint not null check (slot between 0 and 63),
  -- Every event of the slot up to here is handled, or its stream is parked.
  position bigint not null default 0,
  -- Counts commits: a reader that was not told of its own last one is behind, and is refused.
  commits bigint not null default 0,
  -- Goes up with every new holder; one that lost its slot is refused (fencing).
  lease_token bigint not null default 0,
  -- A subscriber; the slot is free when that one is no longer seen.
  lease_holder text collate "C",
  updated_at timestamptz not null default now(),
  primary key (name, slot)
) with (fillfactor = 70);
insert into {schema}.subscriptions (name, slot, commits, position)
select f.name, slot, f.commits,
       coalesce((select max(number) from {schema}.events e
                  where (e.epoch, e.transaction_id, e.position)
                        <= (f.epoch, f.transaction_id, f.position)), 0)
  from {schema}.former_subscriptions f
  join generate_series(0, 63) slot
    on f.partition = slot % (select count(*) from {schema}.former_subscriptions
                              where name = f.name);
drop table {schema}.former_subscriptions;

alter table {schema}.events drop constraint events_pkey;
alter table {schema}.events drop column epoch, drop column transaction_id, drop column position;
alter table {schema}.events rename column number to position;
alter table {schema}.events alter column position set not null,
  alter column position set default
    case when pg_advisory_xact_lock_shared(hashtext('{schema}.events'),
           (pg_sequence_last_value('{schema}.positions') >> 6)::bit(32)::int)::text = ''
      then nextval('{schema}.positions') end;
alter table {schema}.events add primary key (position);
drop table {schema}.epochs;
select setval('{schema}.positions',
              coalesce((select max(position) from {schema}.events), 0));

-- Transactions that have drawn positions and not ended, and the block that each began in.
create view {schema}.appending as
  select pid, virtualtransaction, objid::bigint as block from pg_locks
   where locktype = 'advisory' and objsubid = 2
     and classid::bigint = hashtext('{schema}.events')::bigint & 4294967295
     and database = (select oid from pg_database where datname = current_database());

-- Up to the horizon, no position can appear any more. Ask first and read after it, in a statement of
-- its own: what has committed before the answer is seen then. `head`: the last position drawn.
create function {schema}.horizon(out head bigint, out horizon bigint) language plpgsql as $$
begin
  head := pg_sequence_last_value('{schema}.positions');
  select least(head, min((head >> 6) - ((head >> 6) - block)::bit(32)::int::bigint << 6))
    into horizon from {schema}.appending;
end $$;

-- Seconds since the oldest of them began, prepared ones included: later events wait for it. As the
-- owner, since others may not see when a transaction began.
create function {schema}.horizon_age() returns double precision language sql
  security definer set search_path = pg_catalog as $$
  select coalesce(max(extract(epoch from clock_timestamp() - coalesce(a.xact_start, x.prepared))), 0)
    from {schema}.appending t
    left join pg_stat_activity a using (pid)
    left join pg_prepared_xacts x
      on t.pid is null and x.transaction::text = split_part(t.virtualtransaction, '/', 2)
$$;

-- Processes that would read a subscription. `declaration`: which events its code knows and handles.
drop table {schema}.subscribers;
create table {schema}.subscribers (
  name text collate "C" not null,
  process text collate "C" not null,
  declaration text collate "C" not null,
  seen_at timestamptz not null,
  -- An event that its code does not know; it waits there for a newer process.
  waits_at text,
  primary key (name, process)
);
-- In the order in which they were first made: the newest that runs reads, older ones leave it.
create table {schema}.declarations (
  name text collate "C" not null,
  declaration text collate "C" not null,
  number bigint generated always as identity,
  primary key (name, declaration)
);

-- Streams apart from the others: one of their events is being handed over, or has failed. Their later
-- events wait. retrying: at `retry_at`; dead: a dead letter, which waits for a person.
alter table {schema}.parked_streams rename to former_parked_streams;
alter table {schema}.former_parked_streams
  rename constraint parked_streams_pkey to former_parked_streams_pkey;
create table {schema}.parked_streams (
  subscription text collate "C" not null,
  stream text collate "C" not null,
  slot smallint not null,
  version bigint not null,
  event_id text not null,
  event_type text not null,
  correlation_id text not null,
  state text not null check (state in ('claimed', 'retrying', 'dead')),
  attempts integer not null,
  retry_at timestamptz,
  -- When this event was first tried.
  parked_at timestamptz not null default now(),
  error text,
  -- Whether it failed for something that all events need.
  is_outage boolean not null default false,
  primary key (subscription, stream)
) with (fillfactor = 70);
insert into {schema}.parked_streams (subscription, stream, slot, version, event_id, event_type,
                                     correlation_id, state, attempts, retry_at, parked_at, error)
select subscription, stream, abs(hashtextextended(stream, 0) % 64), version, event_id, event_type,
       correlation_id, case when retry_at is null then 'dead' else 'retrying' end, attempts,
       retry_at, parked_at, error
  from {schema}.former_parked_streams;
drop table {schema}.former_parked_streams;
create index on {schema}.parked_streams (subscription, retry_at) where state = 'retrying';

-- Moves slots on, or refuses the whole transaction: another process holds one of them, an earlier
-- commit of this one arrived though its answer was lost, or the log was restored and no longer has
-- the event (last, last_id) up to which this one has looked.
create function {schema}.advance(of text, slots smallint[], tokens bigint[], seen bigint[],
                                 positions bigint[], last bigint, last_id text)
returns void language plpgsql as $$
declare moved bigint;
begin
  if last is not null
     and not exists (select from {schema}.events where position = last and id = last_id) then
    raise exception 'the log that % has read was restored', of using errcode = 'BA001';
  end if;
  update {schema}.subscriptions s
     set position = m.position, commits = s.commits + 1, updated_at = now()
    from unnest(slots, tokens, seen, positions) m(slot, token, commits, position)
   where s.name = of and s.slot = m.slot and s.lease_token = m.token and s.commits = m.commits;
  get diagnostics moved = row_count;
  if moved <> cardinality(slots) then
    raise exception 'a slot of % is held by another, or was moved', of using errcode = 'BA001';
  end if;
end $$;
