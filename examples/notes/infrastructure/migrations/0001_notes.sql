create table notes.notes (
  id text collate "C" primary key,
  author_id text collate "C" not null,
  text text not null,
  version bigint not null
);
create index on notes.notes (author_id, id);

-- How many notes each author has written.
create table notes.tallies (
  author_id text collate "C" primary key,
  notes bigint not null
);
