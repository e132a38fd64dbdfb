-- Logins at providers. Credentials are sealed for their row alone.
create table accounts.connections (
  id text collate "C" primary key,
  owner_id text collate "C" not null,
  provider text collate "C" not null,
  status text collate "C" not null check (status in ('active', 'revoked', 'disconnected')),
  credentials text,
  -- What the provider calls the accounts that it was connected for.
  accounts text[] not null,
  connected_at timestamptz not null,
  next_sync_at timestamptz,
  synced_until timestamptz,
  version bigint not null,
  constraint only_active_ones_have_credentials check ((status = 'active') = (credentials is not null))
);
create index connections_owner_key on accounts.connections (owner_id, id);
create index connections_due_key on accounts.connections (next_sync_at) where status = 'active';

-- What was fetched over them, and how far that is. Rows are those of an import.
create table accounts.syncs (
  id text collate "C" primary key,
  connection_id text collate "C" not null,
  owner_id text collate "C" not null,
  provider text collate "C" not null,
  import_id text collate "C" not null,
  status text collate "C" not null check (status in ('fetching', 'matching', 'succeeded', 'partially-succeeded', 'failed')),
  reason text collate "C",
  from_at timestamptz not null,
  until_at timestamptz not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  fetching jsonb not null,
  next_try_at timestamptz not null,
  version bigint not null
);
create index syncs_connection_key on accounts.syncs (connection_id, id);
create unique index syncs_running_key on accounts.syncs (connection_id) where status in ('fetching', 'matching');
create index syncs_owner_key on accounts.syncs (owner_id);
create index syncs_unfinished_key on accounts.syncs (next_try_at) where status in ('fetching', 'matching');
