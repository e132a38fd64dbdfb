-- What spaces have: each content once, with the number of revisions that have it.
create table drive.contents (
  space_id text collate "C" not null,
  hash text collate "C" not null,
  size bigint not null,
  uses bigint not null,
  primary key (space_id, hash)
);

-- The bytes of these contents in all spaces of an owner, who has several sums, so that connections that keep files at once do not wait for each other.
create table drive.usage (
  owner_id text collate "C" not null,
  slot int not null,
  bytes bigint not null,
  primary key (owner_id, slot)
);

create function drive.count_bytes(owner text, added bigint) returns void language sql set search_path = pg_catalog as $$
  insert into drive.usage as u (owner_id, slot, bytes) values (owner, pg_backend_pid() % 32, added)
  on conflict (owner_id, slot) do update set bytes = u.bytes + excluded.bytes;
$$;

-- Counts revisions as they come and go, whichever statement adds or deletes them. Their nodes are there before they come, and until they are gone.
create function drive.count_added() returns trigger language plpgsql set search_path = pg_catalog as $$
declare
  sums record;
begin
  for sums in
    with found as (
      select o.owner_id, o.id as space_id, a.hash, max(a.size) as size, count(*) as uses
        from added a cross join lateral (
          select s.owner_id, s.id from drive.nodes n join drive.spaces s on s.id = n.space_id where n.id = a.node_id offset 0) o
       group by 1, 2, 3
    ), counted as (
      insert into drive.contents as c (space_id, hash, size, uses) select space_id, hash, size, uses from found order by 1, 2
      on conflict (space_id, hash) do update set uses = c.uses + excluded.uses
      returning c.space_id, c.hash, c.size, xmax = 0 as is_new
    )
    select f.owner_id, sum(c.size)::bigint as bytes
      from counted c join found f on f.space_id = c.space_id and f.hash = c.hash where c.is_new group by 1
  loop
    perform drive.count_bytes(sums.owner_id, sums.bytes);
  end loop;
  return null;
end $$;
create trigger revisions_added after insert on drive.revisions
  referencing new table as added for each statement execute function drive.count_added();

create function drive.count_deleted() returns trigger language plpgsql set search_path = pg_catalog as $$
declare
  sums record;
begin
  for sums in
    with gone as (
      select o.owner_id, o.id as space_id, d.hash, count(*) as uses
        from deleted d cross join lateral (
          select s.owner_id, s.id from drive.nodes n join drive.spaces s on s.id = n.space_id where n.id = d.node_id offset 0) o
       group by 1, 2, 3
    ), held as (
      select g.owner_id, c.space_id, c.hash, c.size, c.uses - g.uses as uses
        from gone g join drive.contents c on c.space_id = g.space_id and c.hash = g.hash order by 2, 3 for update of c
    ), counted as (
      update drive.contents c set uses = h.uses from held h where h.uses > 0 and c.space_id = h.space_id and c.hash = h.hash
    ), dropped as (
      delete from drive.contents c using held h where h.uses <= 0 and c.space_id = h.space_id and c.hash = h.hash
    )
    select owner_id, sum(size)::bigint as bytes from held where uses <= 0 group by 1
  loop
    perform drive.count_bytes(sums.owner_id, -sums.bytes);
  end loop;
  return null;
end $$;
create trigger revisions_deleted after delete on drive.revisions
  referencing old table as deleted for each statement execute function drive.count_deleted();

-- Whether an owner keeps no more than a quota, of which this unit of work has taken a part. While many such parts are left, those who keep files at once
-- do not wait for each other; the last ones are taken one after the other.
create function drive.hold_quota(owner text, quota bigint, added bigint) returns boolean language plpgsql set search_path = pg_catalog as $$
declare
  quota_key bigint := hashtextextended('drive.quota/' || owner, 0);
  many bigint := 64 * added;
  used bigint;
begin
  select sum(bytes) into used from drive.usage where owner_id = owner;
  if quota - used >= many then
    perform pg_advisory_xact_lock_shared(quota_key);
  else
    perform pg_advisory_xact_lock(quota_key);
    many := 0;
  end if;
  select sum(bytes) into used from drive.usage where owner_id = owner;
  if quota - used < many then
    raise exception 'the room of % was taken meanwhile', owner using errcode = 'serialization_failure';
  end if;
  return true;
end $$;

insert into drive.contents (space_id, hash, size, uses)
  select n.space_id, r.hash, max(r.size), count(*) from drive.revisions r join drive.nodes n on n.id = r.node_id group by 1, 2;
insert into drive.usage (owner_id, slot, bytes)
  select s.owner_id, 0, sum(c.size) from drive.contents c join drive.spaces s on s.id = c.space_id group by 1;
