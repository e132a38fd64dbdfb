-- The event log of one context: outbox and event store at once. {schema} is the context's schema.

create table {schema}.events (
  -- Transaction ids restart when a dump is restored elsewhere; the epoch then goes up by one.
  epoch smallint not null default 1,
  transaction_id xid8 not null default pg_current_xact_id(),
  position bigint generated always as identity,
  stream text collate "C" not null,
  version bigint not null check (version > 0),
  id text collate "C" not null,
  type text collate "C" not null,
  schema_version smallint not null,
  payload jsonb not null,
  metadata jsonb not null,
  occurred_at timestamptz not null,
  -- In this order, and never past the oldest running transaction, readers skip nothing.
  primary key (epoch, transaction_id, position),
  -- The concurrency check: of two writers that saw the same version, one fails.
  unique (stream, version)
);

-- Which cluster the current epoch belongs to: another identifier means a restored dump.
create table {schema}.epochs (
  epoch smallint primary key,
  system_identifier bigint not null,
  started_at timestamptz not null default now()
);
insert into {schema}.epochs (epoch, system_identifier)
  select 1, system_identifier from pg_control_system();

-- One row per partition of a subscription: how far it has read, and who reads it now.
create table {schema}.subscriptions (
  name text collate "C" not null,
  partition smallint not null,
  epoch smallint not null default 0,
  transaction_id xid8 not null default '0',
  position bigint not null default 0,
  lease_holder text,
  -- Goes up with every new holder; a holder that lost its lease fails on it (fencing).
  lease_token bigint not null default 0,
  lease_until timestamptz,
  updated_at timestamptz not null default now(),
  primary key (name, partition)
);

-- Processes that would read a subscription: they share its partitions.
create table {schema}.subscribers (
  name text collate "C" not null,
  process text collate "C" not null,
  seen_at timestamptz not null,
  primary key (name, process)
);

-- Streams that wait behind an event which failed. retry_at null: a dead letter, waits for a person.
create table {schema}.parked_streams (
  subscription text collate "C" not null,
  partition smallint not null,
  stream text collate "C" not null,
  version bigint not null,
  event_id text not null,
  event_type text not null,
  attempts integer not null,
  retry_at timestamptz,
  error text not null,
  correlation_id text not null,
  parked_at timestamptz not null default now(),
  primary key (subscription, stream)
);
create index on {schema}.parked_streams (subscription, partition, retry_at);

-- The first answer to a request that carried an idempotency key.
create table {schema}.idempotency_keys (
  actor text collate "C" not null,
  key text collate "C" not null,
  fingerprint text not null,
  outcome jsonb not null,
  created_at timestamptz not null,
  primary key (actor, key)
);
create index on {schema}.idempotency_keys (created_at);
