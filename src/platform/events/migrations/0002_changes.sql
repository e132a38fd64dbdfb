-- What caches must forget. The row lock on the epoch makes the order of numbers that of commits, so
-- that whoever has seen number n has missed nothing before it.

create table {schema}.change_epoch (
  only_row boolean primary key default true check (only_row),
  epoch bigint not null default 0
);
insert into {schema}.change_epoch default values;

create table {schema}.changes (
  epoch bigint primary key,
  subject text collate "C" not null,
  changed_at timestamptz not null default now()
);
create index on {schema}.changes (changed_at);

-- For triggers: the argument names a column of the row, else it is the subject itself.
create function {schema}.note_change() returns trigger language plpgsql as $$
begin
  with next as (update {schema}.change_epoch set epoch = epoch + 1 returning epoch)
  insert into {schema}.changes (epoch, subject)
    select epoch, coalesce(to_jsonb(coalesce(new, old)) ->> tg_argv[0], tg_argv[0]) from next;
  return null;
end $$;
