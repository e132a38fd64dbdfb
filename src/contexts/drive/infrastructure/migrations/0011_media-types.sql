-- What kind of bytes a content has, as its beginning shows, and when the client says that it was last changed. Contents from before, and those that an
-- older release keeps meanwhile, have neither: they are read as bytes of the time when they came.
alter table drive.revisions add media_type text, add modified_at timestamptz;
alter table drive.nodes add media_type text, add modified_at timestamptz;
alter table drive.uploads add modified_at timestamptz;
