-- Brings a database of a test back to what migrations left, many times faster than a new copy is made.
create schema emptying;

-- What the rows of migrations are, by table; and where sequences stand.
do $$
declare
  t record;
  n bigint;
begin
  for t in select schemaname, tablename from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema', 'emptying') loop
    execute format('select count(*) from %I.%I', t.schemaname, t.tablename) into n;
    if n > 0 then
      execute format('create table emptying.%I as select * from %I.%I',
        t.schemaname || '.' || t.tablename, t.schemaname, t.tablename);
    end if;
  end loop;
end $$;
create table emptying.sequences as
  select schemaname, sequencename, start_value, last_value from pg_sequences;

-- All but rows: a test that changes one of these leaves its database to nobody.
create function emptying.fingerprint() returns text language sql as $$
  select md5(string_agg(part, ',' order by part)) from (
    select format('namespace %s %s %s', oid, nspname, nspacl) as part from pg_namespace
     where nspname !~ '^pg_(toast_)?temp_'
    union all
    select format('class %s %s %s %s %s %s %s', oid, relnamespace, relname, relacl, reloptions,
      relrowsecurity, relforcerowsecurity) from pg_class
     where relnamespace <> 'pg_toast'::regnamespace and relpersistence = 'p'
    union all
    select format('attribute %s %s %s %s %s', attrelid, attname, atttypid, attnotnull, attacl)
      from pg_attribute where attnum > 0 and attrelid >= 16384
    union all select format('constraint %s %s', oid, convalidated) from pg_constraint
    union all select format('trigger %s %s', oid, tgenabled) from pg_trigger
    union all
    select format('function %s %s %s', oid, md5(prosrc), proconfig) from pg_proc where oid >= 16384
    union all select format('default %s', oid) from pg_attrdef
    union all select format('policy %s', oid) from pg_policy
    union all select format('view %s %s', oid, ev_action) from pg_rewrite where oid >= 16384
    union all
    select format('sequence %s %s %s %s', seqrelid, seqincrement, seqmin, seqmax) from pg_sequence
    union all select format('large object %s', oid) from pg_largeobject_metadata
    union all
    select format('database %s %s', datconnlimit, datacl) from pg_database
     where datname = current_database()
    union all
    select format('setting %s', setconfig) from pg_db_role_setting
     where setdatabase = (select oid from pg_database where datname = current_database())
    union all
    select format('prepared %s', gid) from pg_prepared_xacts where database = current_database()
  ) as parts
$$;
create table emptying.expected (fingerprint text);

-- True where the database is as new again.
create function emptying.empty() returns boolean language plpgsql as $$
declare
  t record;
  s record;
  columns text;
begin
  perform pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend';
  if emptying.fingerprint() <> (select fingerprint from emptying.expected) then return false; end if;
  set local session_replication_role = replica;
  set local lock_timeout = '5s';
  for t in select c.oid, n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'emptying')
      and pg_relation_size(c.oid) > 0 loop
    execute format('delete from %I.%I', t.nspname, t.relname);
    if to_regclass(format('emptying.%I', t.nspname || '.' || t.relname)) is not null then
      select string_agg(quote_ident(attname), ', ' order by attnum) into columns from pg_attribute
        where attrelid = t.oid and attnum > 0 and not attisdropped and attgenerated = '';
      execute format('insert into %I.%I (%s) overriding system value select %s from emptying.%I',
        t.nspname, t.relname, columns, columns, t.nspname || '.' || t.relname);
    end if;
  end loop;
  for s in select * from emptying.sequences loop
    perform setval(format('%I.%I', s.schemaname, s.sequencename),
      coalesce(s.last_value, s.start_value), s.last_value is not null);
  end loop;
  return true;
end $$;

insert into emptying.expected select emptying.fingerprint();
