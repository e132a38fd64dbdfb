-- Contents that arrive chunk by chunk. `hashes` and `sizes`: their chunks, as in a manifest; empty once the upload was committed.
create table drive.uploads (
  id text collate "C" primary key,
  owner_id text collate "C" not null,
  folder_id text collate "C",
  name text,
  file_id text collate "C",
  base bigint,
  size bigint not null,
  hash text collate "C" not null,
  hashes bytea not null,
  sizes bytea not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  node_id text collate "C",
  constraint uploads_have_a_target check ((folder_id is null) = (name is null) and (file_id is null) = (base is null)
    and (folder_id is null) <> (file_id is null))
);
create index uploads_owner_key on drive.uploads (owner_id);
create index uploads_open_key on drive.uploads (owner_id) where node_id is null;
create index uploads_expired_key on drive.uploads (expires_at);

-- The chunks that whoever uploads has to send. `position`: the place among the chunks of the content.
create table drive.upload_chunks (
  upload_id text collate "C" not null,
  position int not null,
  hash bytea not null,
  size int not null,
  has_come boolean not null default false,
  primary key (upload_id, position)
);
create index upload_chunks_missing_key on drive.upload_chunks (upload_id, position) where not has_come;

-- Files by their content.
create index nodes_content_key on drive.nodes (space_id, hash) where kind = 'file';
