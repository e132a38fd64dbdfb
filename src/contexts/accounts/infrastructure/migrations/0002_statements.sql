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
create index observations_told_key on accounts.observations (external_id)
  where line_id is not null and external_id is not null;
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
create index lines_amount_key on accounts.lines (account_id, date, amount);
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

-- Moves the money of many entries at once, in their order, and answers their movements. Each account is locked, in the order of ids, and
-- changed once: a row that one transaction changes again and again is found through all its versions.
create function accounts.move_all(
  ids text[], amounts bigint[], entries text[], lines smallint[], dates date[], now timestamptz
) returns setof accounts.movements language plpgsql
  set search_path = pg_catalog set plan_cache_mode = force_generic_plan as $$
declare
  at timestamptz;
  day date;
begin
  select greatest(now, max(l.moved_at)) into at from (
    select a.moved_at from accounts.accounts a where a.id = any(ids) order by a.id for no key update) l;
  day := (at at time zone 'UTC')::date;
  insert into accounts.days as d (account_id, date, amount)
  select c.account_id, c.date, sum(c.amount) from (
    select u.account_id, unnest(array[u.date, day]) as date, unnest(array[u.amount, -u.amount]) as amount
      from unnest(ids, dates, amounts) as u(account_id, date, amount) where u.date <> day) c
   group by c.account_id, c.date order by c.account_id, c.date
  on conflict (account_id, date) do update set amount = d.amount + excluded.amount;
  return query
    with m as (
      select u.*, row_number() over o as k, sum(u.amount) over o as running
        from unnest(ids, amounts, entries, lines, dates)
             with ordinality as u(account_id, amount, entry_id, line, date, n)
      window o as (partition by u.account_id order by u.n)),
    moved as (
      update accounts.accounts a
         set posted = a.posted + t.amount, movements = a.movements + t.n, moved_at = at
        from (select m.account_id, sum(m.amount)::bigint as amount, count(*) as n from m group by m.account_id) t
       where a.id = t.account_id
      returning a.id, a.currency, a.posted - t.amount as posted, a.held, a.movements - t.n as movements)
    select m.account_id, b.movements + m.k, at, m.date, m.entry_id, m.line, null::text, b.currency,
           m.amount, 0::bigint, (b.posted + m.running)::bigint, b.held
      from m join moved b on b.id = m.account_id order by m.n;
end $$;

-- The lines that observations of one document may be of: by the ids that they were told under, by day and amount, and what is pending; each part by an index of its own.
-- Statements are prepared while tables are small, and their plans are kept while a file of many rows fills them: these functions never
-- read whole tables, nor all rows of an import for each of them.
create function accounts.lines_alike(
  account text, import text, ids text[], days date[], amounts bigint[], pending_days int, most int
) returns table (
  id text, account_id text, status text, date date, amount bigint, currency text, counterparty text, remark text,
  external_id text, entry_id text, observation_id text, is_taken boolean, is_named boolean, history jsonb
) language plpgsql stable
  set search_path = pg_catalog set plan_cache_mode = force_custom_plan
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  since date := (select min(day) - pending_days from unnest(days) day);
  until date := (select max(day) from unnest(days) day);
begin
  return query
    select l.*,
           coalesce((select true from accounts.observations o
                      where o.line_id = l.id and o.import_id || '' = import limit 1), false),
           coalesce((select true from accounts.observations o
                      where o.import_id = import and o.external_id = l.external_id limit 1), false),
           coalesce((select jsonb_agg(o.observation order by o.id) from accounts.observations o
                       join accounts.statement_imports i on i.id = o.import_id and not i.is_dry_run
                      where o.line_id = l.id), '[]')
      from (select l.* from (select distinct o.line_id from accounts.observations o
                              where o.external_id = any(ids) and o.line_id is not null
                                and o.account_id || '' = account) o
             cross join lateral (select l.* from accounts.lines l where l.id = o.line_id offset 0) l
            union
            select l.* from (select distinct * from unnest(days, amounts)) u(day, amount)
             cross join lateral (
               select l.* from accounts.lines l
                where l.account_id = account and l.date = u.day and l.amount = u.amount
                  and l.status <> 'removed' offset 0) l
            union
            select l.* from accounts.lines l
             where l.account_id = account and l.status = 'pending' and l.date between since and until) l
     order by l.id limit most;
end $$;

-- Keeps what became of rows, and counts it: what was counted before, as what was doubtful, is counted as what it is now.
create function accounts.settle(import text, rows jsonb) returns void language plpgsql
  set search_path = pg_catalog set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  with told as (
    select s.* from jsonb_to_recordset(rows) as s(
      id text, outcome text, "accountId" text, "lineId" text, observation jsonb, reason jsonb)),
  before as (
    select o.outcome from told join accounts.observations o on o.id = told.id where o.outcome is not null),
  settled as (
    update accounts.observations o
       set outcome = s.outcome, account_id = s."accountId", line_id = s."lineId",
           observation = s.observation, reason = s.reason
      from told s where o.id = s.id
    returning o.outcome),
  counted as (
    select outcome, 1 as n from settled union all select outcome, -1 from before)
  update accounts.statement_imports i
     set created = i.created + t.created, matched = i.matched + t.matched, updated = i.updated + t.updated,
         ignored = i.ignored + t.ignored, doubtful = i.doubtful + t.doubtful, quarantined = i.quarantined + t.quarantined
    from (select coalesce(sum(n) filter (where outcome = 'created'), 0) as created,
                 coalesce(sum(n) filter (where outcome = 'matched'), 0) as matched,
                 coalesce(sum(n) filter (where outcome = 'updated'), 0) as updated,
                 coalesce(sum(n) filter (where outcome = 'ignored'), 0) as ignored,
                 coalesce(sum(n) filter (where outcome = 'doubtful'), 0) as doubtful,
                 coalesce(sum(n) filter (where outcome = 'quarantined'), 0) as quarantined
            from counted) t
   where i.id = import;
  -- Its owner has been erased meanwhile.
  if not found then
    raise exception 'import % is gone', import using errcode = 'serialization_failure';
  end if;
end $$;

-- Takes outcomes back, which are not counted any more.
create function accounts.unsettle(import text, ids text[]) returns void language plpgsql
  set search_path = pg_catalog set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  with before as (
    select o.id, o.outcome from accounts.observations o
     where o.id = any(ids) and o.outcome is not null),
  gone as (
    update accounts.observations o
       set outcome = null, account_id = null, line_id = null, observation = null, reason = null
      from before b where o.id = b.id returning o.id)
  update accounts.statement_imports i
     set created = i.created - t.created, matched = i.matched - t.matched, updated = i.updated - t.updated,
         ignored = i.ignored - t.ignored, doubtful = i.doubtful - t.doubtful, quarantined = i.quarantined - t.quarantined
    from (select count(*) filter (where outcome = 'created') as created,
                 count(*) filter (where outcome = 'matched') as matched,
                 count(*) filter (where outcome = 'updated') as updated,
                 count(*) filter (where outcome = 'ignored') as ignored,
                 count(*) filter (where outcome = 'doubtful') as doubtful,
                 count(*) filter (where outcome = 'quarantined') as quarantined
            from before) t
   where i.id = import;
end $$;

-- Rows without an outcome, in the order of the file.
create function accounts.unsettled(import text, most bigint) returns setof accounts.observations language plpgsql stable
  set search_path = pg_catalog set enable_seqscan = off set enable_sort = off as $$
begin
  return query select o.* from accounts.observations o
    where o.import_id = import and o.outcome is null order by o.import_id, o.number limit most;
end $$;
