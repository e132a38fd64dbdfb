-- Small pictures that were made of contents, for as long as their space has them. Where `picture` is null, none could be made; it is tried again after `until`.
create table drive.thumbnails (
  space_id text collate "C" not null,
  hash text collate "C" not null,
  pixels int not null,
  picture bytea,
  until timestamptz,
  primary key (space_id, hash, pixels)
);

-- As before, with the small pictures of contents that a space has no more.
create or replace function drive.count_deleted() returns trigger language plpgsql set search_path = pg_catalog as $$
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
  -- A statement of its own sees what was kept while the contents were held.
  delete from drive.thumbnails t using (
    select distinct n.space_id, d.hash from deleted d join drive.nodes n on n.id = d.node_id) g
   where t.space_id = g.space_id and t.hash = g.hash
     and not exists (select from drive.contents c where c.space_id = t.space_id and c.hash = t.hash);
  return null;
end $$;
