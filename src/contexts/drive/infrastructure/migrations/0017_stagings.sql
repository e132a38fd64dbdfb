-- Contents that are put together of pieces before a file has them. `bytes` and `pieces`: what has come. `node_id`, `revision`: the file that has it; its pieces are gone then.
create table drive.stagings (
  id text collate "C" primary key,
  owner_id text collate "C" not null,
  name text,
  note text not null,
  length bigint,
  bytes bigint not null default 0,
  pieces int not null default 0,
  hash text collate "C",
  is_sealed boolean not null default false,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  node_id text collate "C",
  revision bigint
);
create unique index stagings_owner_key on drive.stagings (owner_id, name);
create index stagings_expired_key on drive.stagings (expires_at);

-- Put together in the order of their places. `hashes` and `sizes`: their chunks, as in a manifest.
create table drive.staged_pieces (
  staging_id text collate "C" not null,
  place bigint not null,
  size bigint not null,
  media_type text not null,
  hashes bytea not null,
  sizes bytea not null,
  primary key (staging_id, place)
);
