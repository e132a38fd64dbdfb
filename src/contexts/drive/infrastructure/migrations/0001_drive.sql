create table drive.spaces (
  id text collate "C" primary key,
  owner_id text collate "C" not null,
  name text not null,
  root_id text collate "C" not null,
  opened_at timestamptz not null,
  version bigint not null
);
create index spaces_owner_key on drive.spaces (owner_id, id);

-- Files and folders. A folder that moves, or goes to the trash, is one row: what lies below it stays as it is.
create table drive.nodes (
  id text collate "C" primary key,
  space_id text collate "C" not null,
  parent_id text collate "C",
  name text not null,
  name_key text collate "C" not null,
  kind text collate "C" not null check (kind in ('folder', 'file')),
  revision bigint,
  size bigint,
  hash text collate "C",
  created_at timestamptz not null,
  changed_at timestamptz not null,
  trashed_at timestamptz,
  version bigint not null,
  constraint files_have_content check ((kind = 'file') = (revision is not null and size is not null and hash is not null))
);
create unique index nodes_name_key on drive.nodes (parent_id, name_key) where trashed_at is null;
create index nodes_folder_key on drive.nodes (parent_id) where kind = 'folder';
create index nodes_trash_key on drive.nodes (space_id, trashed_at, id) where trashed_at is not null;
create index nodes_expired_key on drive.nodes (trashed_at) where trashed_at is not null;
create index nodes_children_key on drive.nodes (parent_id);
create index nodes_space_key on drive.nodes (space_id);

-- What a file held, and holds.
create table drive.revisions (
  node_id text collate "C" not null,
  number bigint not null,
  size bigint not null,
  hash text collate "C" not null,
  created_at timestamptz not null,
  primary key (node_id, number)
);

-- The chunks of revisions, in pages. `hashes`: their SHA-256, one after the other, 32 bytes each; `sizes`: 4 bytes each, the highest first.
create table drive.manifests (
  node_id text collate "C" not null,
  number bigint not null,
  starts_at bigint not null,
  hashes bytea not null,
  sizes bytea not null,
  primary key (node_id, number, starts_at)
);

-- Whether a node, or a folder above it, is in the trash.
create function drive.in_trash(node text) returns boolean language plpgsql stable set search_path = pg_catalog as $$
declare
  parent text;
  trashed timestamptz;
begin
  loop
    select n.parent_id, n.trashed_at into parent, trashed from drive.nodes n where n.id = node;
    if trashed is not null then
      return true;
    end if;
    exit when parent is null;
    node := parent;
  end loop;
  return false;
end $$;

-- The changes of a space, in the order of the log.
create index events_space_key on drive.events ((payload ->> 'spaceId'), position);

-- Whether a space and a folder in it are there; they stay until the unit of work has ended. The owner of the space may have been erased
-- meanwhile, and the folder purged.
create function drive.hold_place(space text, folder text) returns boolean language plpgsql set search_path = pg_catalog as $$
begin
  perform from drive.spaces where id = space for key share;
  if found then
    perform from drive.nodes where id = folder for key share;
  end if;
  if not found or drive.in_trash(folder) then
    raise exception 'folder % is gone', folder using errcode = 'serialization_failure';
  end if;
  return true;
end $$;

-- Whether a node is there; it stays until the unit of work has ended. It may have been purged meanwhile.
create function drive.hold_node(node text) returns boolean language plpgsql set search_path = pg_catalog as $$
begin
  perform from drive.nodes where id = node for key share;
  if not found then
    raise exception 'node % is gone', node using errcode = 'serialization_failure';
  end if;
  return true;
end $$;

-- Where chunks are kept. One that was not found whole is in doubt, and is kept anew once its bytes are given again.
create table drive.chunks (
  hash bytea primary key,
  segment text collate "C" not null,
  place bigint not null,
  size int not null,
  is_doubted boolean not null default false,
  -- When an upload gave its bytes last, to the hour: nothing that was used within a day is collected.
  used_at timestamptz not null
);
create index chunks_segment_key on drive.chunks (segment) include (size);
create index chunks_doubted_key on drive.chunks (hash) where is_doubted;
