-- An account and its money. The constraints named `…_guard` say what the domain has decided once more, against
-- transactions that race: one that breaks such a constraint has lost, and decides anew.
create table accounts.accounts (
  id text collate "C" primary key,
  owner_id text collate "C",
  name text not null,
  type text collate "C" not null,
  currency text collate "C" not null,
  status text collate "C" not null check (status in ('active', 'deactivated')),
  -- How far below zero what is available may fall; null: as far as it will.
  overdraft bigint check (overdraft between 0 and 1000000000000000000),
  mask text,
  -- Of an account that exchanges of two currencies go through: one of each currency.
  pair text collate "C",
  opened_at timestamptz not null,
  version bigint not null,
  posted bigint not null default 0,
  held bigint not null default 0,
  -- How many movements it has, and when the last one was recorded.
  movements bigint not null default 0,
  moved_at timestamptz not null default '-infinity',
  constraint held_guard check (held >= 0),
  constraint funds_guard check (overdraft is null or posted - held >= -overdraft),
  constraint inactive_guard check (status = 'active' or (posted = 0 and held = 0)),
  constraint size_guard check (
    posted between -1000000000000000000 and 1000000000000000000 and held <= 1000000000000000000)
) with (fillfactor = 50); -- balances change in place
create index accounts_owner_key on accounts.accounts (owner_id, id);
create unique index accounts_pair_key on accounts.accounts (pair, currency) where pair is not null;

create table accounts.entries (
  id text collate "C" primary key,
  date date not null,
  memo text,
  tags text[] collate "C" not null,
  reverses text collate "C",
  transfer_id text collate "C",
  exchange jsonb
);
-- An entry is reversed once.
create unique index entries_reversed_key on accounts.entries (reverses);

-- What happened to an account, in its order: a posting of an entry, or money held or freed (without an entry). Each says what
-- is posted and held after it. No account is recorded earlier than what it has recorded before.
create table accounts.movements (
  account_id text collate "C" not null,
  sequence bigint not null,
  recorded_at timestamptz not null,
  date date not null,
  entry_id text collate "C",
  line smallint not null check (line >= 1),
  transfer_id text collate "C",
  currency text collate "C" not null,
  amount bigint not null,
  held bigint not null,
  posted_after bigint not null,
  held_after bigint not null,
  primary key (account_id, sequence),
  check ((amount <> 0) = (entry_id is not null))
);
create index movements_recorded_key on accounts.movements (account_id, recorded_at, sequence);
create unique index movements_entry_key on accounts.movements (entry_id, line) where entry_id is not null;

-- What counts on another day than that of its recording (in UTC), by account: added to the date of the entry, and taken from the day
-- of the recording. Few entries do, so the balance on a day is that of its end, corrected by a few sums.
create table accounts.days (
  account_id text collate "C" not null,
  date date not null,
  amount numeric not null,
  primary key (account_id, date)
);

create table accounts.transfers (
  id text collate "C" primary key,
  status text collate "C" not null check (status in ('pending', 'posted', 'voided', 'expired')),
  legs jsonb not null,
  moved jsonb,
  memo text,
  tags text[] collate "C" not null,
  made_by text collate "C" not null,
  -- As they were asked for, to know a repeated request by.
  hold_s integer,
  dated date,
  expires_at timestamptz,
  entry_id text collate "C",
  version bigint not null,
  check ((status = 'posted') = (entry_id is not null and moved is not null)),
  check (status <> 'pending' or expires_at is not null)
);
create index transfers_expiry_key on accounts.transfers (expires_at) where status = 'pending';

-- The postings of an entry sum to zero in each currency: looked at when the transaction commits, at the last line of the entry. Lines
-- are numbered without a gap, so that a line that somebody adds later is the last one as well.
create function accounts.balance_entry() returns trigger language plpgsql
  set search_path = pg_catalog as $$
begin
  if exists (select from accounts.movements where entry_id = new.entry_id and line > new.line) then
    return null;
  end if;
  if exists (select from accounts.movements where entry_id = new.entry_id
              group by currency having sum(amount) <> 0) then
    raise exception 'entry % does not balance', new.entry_id using errcode = 'integrity_constraint_violation';
  end if;
  return null;
end $$;
create constraint trigger balanced after insert on accounts.movements
  deferrable initially deferred for each row when (new.entry_id is not null)
  execute function accounts.balance_entry();

-- Moves the money of one record, and answers its movements, one a line. It locks the accounts in the order of their ids first, so that no
-- two wait for each other. All of a record have one time, which is not before what its accounts have recorded. Its statements are planned
-- once, and not for each list of ids.
create function accounts.move(
  ids text[], amounts bigint[], holds bigint[], now timestamptz, dated date, entry text, transfer text
) returns setof accounts.movements language plpgsql
  set search_path = pg_catalog set plan_cache_mode = force_generic_plan as $$
declare
  at timestamptz;
  day date;
  m accounts.movements;
begin
  select greatest(now, max(l.moved_at)) into at from (
    select a.moved_at from accounts.accounts a where a.id = any(ids) order by a.id for no key update) l;
  day := (at at time zone 'UTC')::date;
  m.recorded_at := at;
  m.date := dated;
  m.entry_id := entry;
  m.transfer_id := transfer;
  for i in 1 .. cardinality(ids) loop
    update accounts.accounts a
       set posted = a.posted + amounts[i], held = a.held + holds[i], movements = a.movements + 1, moved_at = at
     where a.id = ids[i]
     returning a.id, a.movements, a.currency, a.posted, a.held
          into m.account_id, m.sequence, m.currency, m.posted_after, m.held_after;
    m.line := i;
    m.amount := amounts[i];
    m.held := holds[i];
    if dated <> day and m.amount <> 0 then
      insert into accounts.days as d (account_id, date, amount)
      values (m.account_id, dated, m.amount), (m.account_id, day, -m.amount)
      on conflict (account_id, date) do update set amount = d.amount + excluded.amount;
    end if;
    return next m;
  end loop;
end $$;

create function accounts.refuse() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $$;
-- Only what people wrote may be erased (ADR 0021).
create function accounts.only_memo() returns trigger language plpgsql
  set search_path = pg_catalog as $$
begin
  old.memo := new.memo;
  if new is distinct from old then
    raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;
create trigger append_only before delete or truncate on accounts.entries
  for each statement execute function accounts.refuse();
create trigger only_memo before update on accounts.entries
  for each row execute function accounts.only_memo();
create trigger append_only before update or delete or truncate on accounts.movements
  for each statement execute function accounts.refuse();

-- Entries are linked by hashes in the order of their events, soon after their commit: a chain in the transaction would make all transfers wait
-- for each other. Link `number` is over link `number - 1` and one entry. Memos can be erased, so they are not in it.
create table accounts.chain (
  number bigint primary key,
  entry_id text collate "C" not null unique,
  hash bytea not null
);
-- Up to where in the log entries are linked.
create table accounts.chained (
  one boolean primary key default true check (one),
  position bigint not null
);
insert into accounts.chained (position) values (0);

-- What a link is over: an entry, and its postings in their order. Both are expressions alone, so that they are inlined where many are
-- spelled; what they say does not depend on settings, nor on columns that are added later.
create function accounts.spelled(m accounts.movements) returns text language sql stable as $$
  select row(m.account_id, m.sequence, extract(epoch from m.recorded_at), m.date - '1970-01-01'::date,
             m.transfer_id, m.currency, m.amount, m.held, m.posted_after, m.held_after)::text
$$;
create function accounts.canonical(e accounts.entries, postings text) returns text language sql stable as $$
  select row(e.id, e.date - '1970-01-01'::date, e.tags, e.reverses, e.transfer_id, e.exchange)::text || postings
$$;

-- Links entries that are final, those of so many events at most; answers how many events it has seen.
create function accounts.close_chain(most bigint) returns bigint language plpgsql
  security definer set search_path = pg_catalog, pg_temp as $$
declare
  mark bigint;
  final bigint;
  last accounts.chain;
  seen bigint := 0;
  next record;
begin
  select c.position into mark from accounts.chained c for update;
  select h.horizon into final from accounts.horizon() h;
  select * into last from accounts.chain order by number desc limit 1;
  for next in
    select v.position, e.id, accounts.canonical(e, p.postings) as text
      from accounts.events v join accounts.entries e on e.id = v.payload->>'entryId'
      cross join lateral (
        select string_agg(accounts.spelled(m), '' order by m.line) as postings
          from accounts.movements m where m.entry_id = e.id) p
     where v.position > mark and v.position <= final
       and v.type in ('accounts.entry-posted', 'accounts.transfer-posted')
     order by v.position limit most
  loop
    mark := next.position;
    seen := seen + 1;
    continue when exists (select from accounts.chain c where c.entry_id = next.id);
    last.number := coalesce(last.number, 0) + 1;
    last.entry_id := next.id;
    last.hash := sha256(coalesce(last.hash, '') || convert_to(next.text, 'UTF8'));
    insert into accounts.chain (number, entry_id, hash) values (last.number, last.entry_id, last.hash);
  end loop;
  -- No further than the last event: positions that were drawn and lost may be drawn again after the sequence was restored.
  if seen < most then
    select greatest(mark, max(v.position)) into mark from accounts.events v where v.position <= final;
  end if;
  update accounts.chained set position = mark where position <> mark;
  return seen;
end $$;
revoke execute on function accounts.close_chain(bigint) from public;

-- Links are made by the function alone, which has the rights of the owner.
create function accounts.only_owner() returns trigger language plpgsql
  set search_path = pg_catalog, pg_temp as $$
begin
  if current_user <> (select pg_get_userbyid(relowner) from pg_class where oid = tg_relid) then
    raise exception '% is written by a function alone', tg_table_name using errcode = 'insufficient_privilege';
  end if;
  return null;
end $$;
create trigger append_only before update or delete or truncate on accounts.chain
  for each statement execute function accounts.refuse();
create trigger only_owner before insert on accounts.chain
  for each statement execute function accounts.only_owner();
create trigger only_owner before insert or update or delete or truncate on accounts.chained
  for each statement execute function accounts.only_owner();
