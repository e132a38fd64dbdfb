-- Who did what. Entries are written with the transaction that they record; the chain over them is
-- closed soon after, by one process at a time: a chain in the transaction would make all writers wait
-- for each other.

create table audit.entries (
  position bigint generated always as identity primary key,
  at timestamptz not null,
  actor text collate "C" not null,
  credential text collate "C",
  operation text collate "C" not null,
  outcome text collate "C" not null,
  targets text[] not null,
  address text,
  agent text,
  correlation_id text not null
);
create index on audit.entries (actor, position);
create index on audit.entries using gin (targets);
create index on audit.entries (at);

-- Link `number` is over link `number - 1` and one entry.
create table audit.chain (
  number bigint primary key,
  position bigint not null unique,
  hash bytea not null
);

create function audit.refuse() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete or truncate on audit.entries
  for each statement execute function audit.refuse();
create trigger append_only before update or delete or truncate on audit.chain
  for each statement execute function audit.refuse();
