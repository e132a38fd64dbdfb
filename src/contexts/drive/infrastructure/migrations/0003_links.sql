-- What opens a file or a folder for whoever has it. Tokens are signed: nothing that lies here opens a link.
create table drive.links (
  id text collate "C" primary key,
  node_id text collate "C" not null,
  owner_id text collate "C" not null,
  made_by text collate "C" not null,
  password_hash text,
  expires_at timestamptz,
  max_downloads int,
  created_at timestamptz not null,
  version bigint not null
);
create index links_node_key on drive.links (node_id, id);

-- The downloads of links whose downloads are limited: one for each file of a visit.
create table drive.link_downloads (
  link_id text collate "C" not null,
  visit text collate "C" not null,
  node_id text collate "C" not null,
  primary key (link_id, visit, node_id)
);
