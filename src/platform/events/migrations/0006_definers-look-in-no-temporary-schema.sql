-- Whoever may make temporary tables could put one in the place of a view that a function of the owner reads: their schema
-- comes first unless it is named last.
create or replace function {schema}.horizon_age() returns double precision language sql
  security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(max(extract(epoch from clock_timestamp() - coalesce(a.xact_start, x.prepared))), 0)
    from {schema}.appending t
    left join pg_catalog.pg_stat_activity a using (pid)
    left join pg_catalog.pg_prepared_xacts x
      on t.pid is null and x.transaction::text = split_part(t.virtualtransaction, '/', 2)
$$;
revoke execute on function {schema}.horizon_age() from public;
