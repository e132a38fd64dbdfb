-- Entries are linked in the order of their positions, up to where none can appear any more: whoever
-- draws a position holds a shared lock until its transaction has ended, as in an event log (ADR 0014).

create sequence audit.positions minvalue 0;
alter table audit.entries alter column position drop identity;
alter table audit.entries alter column position set default
  case when pg_advisory_xact_lock_shared(hashtext('audit.entries'),
         (pg_sequence_last_value('audit.positions') >> 6)::bit(32)::int)::text = ''
    then nextval('audit.positions') end;
select setval('audit.positions', coalesce((select max(position) from audit.entries), 0));

create view audit.appending as
  select pid, virtualtransaction, objid::bigint as block from pg_locks
   where locktype = 'advisory' and objsubid = 2
     and classid::bigint = hashtext('audit.entries')::bigint & 4294967295
     and database = (select oid from pg_database where datname = current_database());

create function audit.horizon(out head bigint, out horizon bigint) language plpgsql as $$
begin
  head := pg_sequence_last_value('audit.positions');
  select least(head, min((head >> 6) - ((head >> 6) - block)::bit(32)::int::bigint << 6))
    into horizon from audit.appending;
end $$;

create function audit.horizon_age() returns double precision language sql
  security definer set search_path = pg_catalog as $$
  select coalesce(max(extract(epoch from clock_timestamp() - coalesce(a.xact_start, x.prepared))), 0)
    from audit.appending t
    left join pg_stat_activity a using (pid)
    left join pg_prepared_xacts x
      on t.pid is null and x.transaction::text = split_part(t.virtualtransaction, '/', 2)
$$;

create index on audit.entries (operation, position);
-- Nearly all are `ok`: the others are few, and looked for.
create index on audit.entries (outcome, position) where outcome <> 'ok';
