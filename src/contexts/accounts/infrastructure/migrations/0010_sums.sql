-- What booked lines of an account sum to, as an import and those before it told them: of each line what was told last. Statements are prepared
-- while tables are small, and their plans are kept: without indexes, or by the order of ids, these would read all rows for each line.
create function accounts.sum_told(account text, until text)
  returns table (amount text, currency text, first text) language plpgsql stable
  set search_path = pg_catalog set plan_cache_mode = force_custom_plan set jit = off
  set enable_seqscan = off set max_parallel_workers_per_gather = 0 as $$
begin
  return query
    select coalesce(sum((told.observation -> 'amount' ->> 'amount')::numeric), 0)::text,
           max(told.observation -> 'amount' ->> 'currency'),
           min(told.observation ->> 'date')
      from (select distinct on (o.line_id) o.observation
              from accounts.lines l
              join accounts.observations o on o.line_id = l.id and o.import_id <= until
              join accounts.statement_imports i on i.id = o.import_id and not i.is_dry_run
             where l.account_id = account
             order by o.line_id, o.id desc) told
     where told.observation ->> 'status' = 'booked'
       and coalesce(told.observation -> 'corrects' ->> 'action', '') <> 'delete';
end $$;

-- Whether an import has told of lines of an account that were ever said to be of a day or of one before.
create function accounts.has_told(import text, account text, until text) returns boolean language plpgsql stable
  set search_path = pg_catalog set plan_cache_mode = force_custom_plan set jit = off
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  return exists (
    select from accounts.observations o join accounts.observations t on t.line_id = o.line_id
     where o.import_id = import and o.account_id = account and t.observation ->> 'date' <= until);
end $$;
