-- Whoever may make temporary tables could put one in the place of a view that a function of the owner reads: their schema
-- comes first unless it is named last.
create or replace function audit.horizon_age() returns double precision language sql
  security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(max(extract(epoch from clock_timestamp() - coalesce(a.xact_start, x.prepared))), 0)
    from audit.appending t
    left join pg_catalog.pg_stat_activity a using (pid)
    left join pg_catalog.pg_prepared_xacts x
      on t.pid is null and x.transaction::text = split_part(t.virtualtransaction, '/', 2)
$$;
alter function audit.erase(text, text[]) set search_path = pg_catalog, pg_temp;
alter function audit.close_chain() set search_path = pg_catalog, pg_temp;
alter function audit.commitment(audit.entries) set search_path = pg_catalog, pg_temp;
alter function audit.canonical(audit.entries) set search_path = pg_catalog, pg_temp;
alter function audit.complete() set search_path = pg_catalog, pg_temp;
alter function audit.only_erase() set search_path = pg_catalog, pg_temp;
alter function audit.horizon() set search_path = pg_catalog, pg_temp;
revoke execute on function audit.horizon_age() from public;
