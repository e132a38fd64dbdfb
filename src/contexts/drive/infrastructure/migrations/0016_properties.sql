-- What clients keep with a file or a folder: the properties of one node in one row.
create table drive.properties (
  node_id text collate "C" primary key,
  space_id text collate "C" not null,
  properties jsonb not null
);
create index properties_space_key on drive.properties (space_id);

-- As before, with the properties of the space.
create or replace function drive.close_space(space text) returns boolean language plpgsql set search_path = pg_catalog as $$
begin
  perform from drive.spaces where id = space for update;
  perform from drive.nodes where space_id = space and parent_id is not null limit 1;
  if found then
    raise exception 'space % is not empty', space using errcode = 'serialization_failure';
  end if;
  with gone as (delete from drive.links where node_id in (select id from drive.nodes where space_id = space) returning id)
  delete from drive.link_downloads where link_id in (select id from gone);
  delete from drive.locks where space_id = space;
  delete from drive.properties where space_id = space;
  delete from drive.nodes where space_id = space;
  delete from drive.invitations where space_id = space;
  delete from drive.spaces where id = space;
  return true;
end $$;
