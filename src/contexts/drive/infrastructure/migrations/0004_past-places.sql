-- Where nodes were before they were moved, renamed, trashed or restored, each until an instant. `version`: the one that the node had there last.
create table drive.past_places (
  node_id text collate "C" not null,
  version bigint not null,
  parent_id text collate "C" not null,
  name text not null,
  name_key text collate "C" not null,
  trashed_at timestamptz,
  until timestamptz not null,
  primary key (node_id, version)
);
create index past_places_parent_key on drive.past_places (parent_id, until);
