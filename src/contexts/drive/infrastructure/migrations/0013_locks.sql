-- Who works on a file or a folder, until when. Nothing but another lock is hindered by one.
create table drive.locks (
  id text collate "C" primary key,
  node_id text collate "C" not null,
  space_id text collate "C" not null,
  holder_id text collate "C" not null,
  is_exclusive boolean not null,
  covers_below boolean not null,
  note text,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  version bigint not null
);
create index locks_node_key on drive.locks (node_id);
create index locks_space_key on drive.locks (space_id, id);
create index locks_holder_key on drive.locks (holder_id);

-- Whether a node lies below a folder.
create function drive.lies_below(node text, folder text) returns boolean language plpgsql stable set search_path = pg_catalog as $$
begin
  loop
    select n.parent_id into node from drive.nodes n where n.id = node;
    if node is null or node = folder then
      return node is not null;
    end if;
  end loop;
end $$;

-- As before, with the locks of the space.
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
  delete from drive.nodes where space_id = space;
  delete from drive.invitations where space_id = space;
  delete from drive.spaces where id = space;
  return true;
end $$;
