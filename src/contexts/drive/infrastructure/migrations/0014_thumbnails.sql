-- Small pictures that were made of contents, for as long as their space has them. Where `picture` is null, none could be made; it is tried again after `until`.
create table drive.thumbnails (
  space_id text collate "C" not null,
  hash text collate "C" not null,
  pixels int not null,
  picture bytea,
  until timestamptz,
  primary key (space_id, hash, pixels),
  foreign key (space_id, hash) references drive.contents (space_id, hash) on delete cascade
);
