-- An account may mirror one at a provider, whose statements alone move its money; the other side is an account of the book.
alter table accounts.accounts
  add column provider text collate "C",
  add column external_id text collate "C",
  add column outside_id text collate "C";
create unique index accounts_elsewhere_key
  on accounts.accounts (owner_id, provider, external_id, currency) where external_id is not null;

create table accounts.statement_imports (
  id text collate "C" primary key,
  owner_id text collate "C" not null,
  provider text collate "C" not null,
  account_id text collate "C",
  is_dry_run boolean not null,
  status text collate "C" not null check (status in ('arriving', 'waiting', 'finished', 'undoing', 'undone')),
  statements jsonb not null,
  row_count bigint not null,
  created bigint not null default 0,
  matched bigint not null default 0,
  updated bigint not null default 0,
  ignored bigint not null default 0,
  doubtful bigint not null default 0,
  quarantined bigint not null default 0,
  received_at timestamptz not null,
  finished_at timestamptz,
  version bigint not null,
  -- No row is lost in silence.
  constraint every_row_has_an_outcome check (status not in ('finished') or
    created + matched + updated + ignored + doubtful + quarantined = row_count)
);
create index statement_imports_owner_key on accounts.statement_imports (owner_id, id);
create index statement_imports_unfinished_key on accounts.statement_imports (id)
  where status in ('waiting', 'undoing');
create index statement_imports_arriving_key on accounts.statement_imports (received_at) where status = 'arriving';

-- What a provider said once, as it came. Without an outcome: not looked at yet.
create table accounts.observations (
  id text collate "C" primary key,
  import_id text collate "C" not null,
  number bigint not null,
  line bigint not null,
  statement smallint not null,
  raw jsonb not null,
  outcome text collate "C" check (outcome in ('created', 'matched', 'updated', 'ignored', 'doubtful', 'quarantined')),
  account_id text collate "C",
  line_id text collate "C",
  external_id text collate "C",
  observation jsonb,
  reason jsonb
);
create index observations_import_key on accounts.observations (import_id, number);
create index observations_external_key on accounts.observations (import_id, external_id)
  where external_id is not null;
create index observations_unsettled_key on accounts.observations (import_id, number) where outcome is null;
create index observations_waiting_key on accounts.observations (import_id, id) where outcome in ('doubtful', 'quarantined');
create index observations_line_key on accounts.observations (line_id) where line_id is not null;

-- Lines of statements, as their newest observation says.
create table accounts.lines (
  id text collate "C" primary key,
  account_id text collate "C" not null,
  status text collate "C" not null check (status in ('pending', 'booked', 'removed')),
  date date not null,
  amount bigint not null,
  currency text collate "C" not null,
  counterparty text,
  remark text,
  external_id text collate "C",
  entry_id text collate "C",
  observation_id text collate "C" not null,
  constraint booked_lines_have_entries check ((status = 'booked') = (entry_id is not null))
);
create index lines_date_key on accounts.lines (account_id, date, id);
create index lines_external_key on accounts.lines (account_id, external_id) where external_id is not null;
create index lines_pending_key on accounts.lines (account_id, date) where status = 'pending';

-- Balances that providers have told.
create table accounts.balances (
  account_id text collate "C" not null,
  date date not null,
  import_id text collate "C" not null,
  amount bigint not null,
  currency text collate "C" not null,
  primary key (account_id, date, import_id)
);
create index balances_import_key on accounts.balances (import_id);

-- The part of a balance that no line explains, and its entry.
create table accounts.openings (
  account_id text collate "C" primary key,
  date date not null,
  amount bigint not null,
  currency text collate "C" not null,
  entry_id text collate "C" not null
);
