-- The lines that observations of one document may be of, as before. What was told under an id is looked up id by id: for a list of ids, plans that were
-- made while tables were small went through every observation of a line instead.
create or replace function accounts.lines_alike(
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
      from (select l.* from (select distinct * from unnest(ids)) u(told)
             cross join lateral (
               select o.line_id from accounts.observations o
                where o.external_id = u.told and o.line_id is not null and o.account_id || '' = account offset 0) o
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

-- Rows of an import are paged through by their ids, and one index finds what was told under an id, by any import or by one: an index more is written twice for
-- each row, when it arrives and when it is settled.
create index observations_of_import_key on accounts.observations (import_id, id);
create index observations_named_key on accounts.observations (external_id, import_id) where external_id is not null;
-- squawk-ignore require-concurrent-index-deletion
drop index accounts.observations_import_key;
-- squawk-ignore require-concurrent-index-deletion
drop index accounts.observations_external_key;
-- squawk-ignore require-concurrent-index-deletion
drop index accounts.observations_told_key;
