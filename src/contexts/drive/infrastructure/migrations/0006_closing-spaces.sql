-- Deletes a space that nothing is in. Whoever makes a node holds the space: what is being made is there before, or is refused.
create function drive.close_space(space text) returns boolean language plpgsql set search_path = pg_catalog as $$
begin
  perform from drive.spaces where id = space for update;
  perform from drive.nodes where space_id = space and parent_id is not null limit 1;
  if found then
    raise exception 'space % is not empty', space using errcode = 'serialization_failure';
  end if;
  with gone as (delete from drive.links where node_id in (select id from drive.nodes where space_id = space) returning id)
  delete from drive.link_downloads where link_id in (select id from gone);
  delete from drive.nodes where space_id = space;
  delete from drive.invitations where space_id = space;
  delete from drive.spaces where id = space;
  return true;
end $$;

-- Links end with the membership of whoever made them.
create index links_maker_key on drive.links (made_by);
