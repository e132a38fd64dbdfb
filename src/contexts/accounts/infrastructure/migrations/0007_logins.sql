-- Connections to providers whose customers sign in there.
alter table accounts.connections drop constraint connections_status_check;
alter table accounts.connections add constraint connections_status_check
  check (status in ('pending', 'failed', 'active', 'expired', 'revoked', 'disconnected')) not valid;
alter table accounts.connections add column login jsonb;
alter table accounts.connections add column login_until timestamptz;
alter table accounts.connections add column is_warned boolean not null default false;
create index connections_login_key on accounts.connections (login_until) where status = 'active';
create index connections_pending_key on accounts.connections (connected_at) where status = 'pending';
-- The accounts whose history is known: of others the first sync asks for all of it.
alter table accounts.connections add column synced_accounts text[];
