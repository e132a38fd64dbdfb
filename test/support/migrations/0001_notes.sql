create table scratch.notes (
  id text collate "C" primary key,
  title text not null unique,
  version bigint not null
);

create table scratch.sightings (
  event_id text collate "C" primary key,
  stream text not null,
  version bigint not null,
  seen_at bigint generated always as identity
);
