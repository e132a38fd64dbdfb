create table catalog.imports (
  id text collate "C" primary key,
  kind text collate "C" not null,
  is_dry_run boolean not null,
  owner_id text collate "C",
  status text collate "C" not null check (status in ('arriving', 'waiting', 'finished')),
  row_count bigint not null,
  created bigint not null default 0,
  changed bigint not null default 0,
  unchanged bigint not null default 0,
  refused bigint not null default 0,
  received_at timestamptz not null,
  finished_at timestamptz,
  version bigint not null
);
create index imports_waiting_key on catalog.imports (id) where status = 'waiting';
create index imports_received_key on catalog.imports (received_at);

-- The rows of a file. Without an outcome: not applied yet.
create table catalog.import_rows (
  import_id text collate "C" not null,
  line bigint not null,
  cells jsonb not null,
  outcome text collate "C",
  reason jsonb,
  primary key (import_id, line)
);
create index import_rows_unsettled_key on catalog.import_rows (import_id, line)
  where outcome is null;

-- Exports read prices in this order.
create index prices_page_key on catalog.prices (sku, id);
