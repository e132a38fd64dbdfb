-- What kind of bytes a content has, as its beginning shows, and when the client says that it was last changed.
alter table drive.revisions add media_type text not null default 'application/octet-stream', add modified_at timestamptz;
update drive.revisions set modified_at = created_at;
alter table drive.revisions alter modified_at set not null, alter media_type drop default;

alter table drive.nodes add media_type text, add modified_at timestamptz;
update drive.nodes n set media_type = r.media_type, modified_at = r.modified_at
  from drive.revisions r where r.node_id = n.id and r.number = n.revision;
alter table drive.nodes drop constraint files_have_content, add constraint files_have_content check (
  (kind = 'file') = (revision is not null and size is not null and hash is not null and media_type is not null and modified_at is not null));

alter table drive.uploads add modified_at timestamptz;
update drive.uploads set modified_at = created_at;
alter table drive.uploads alter modified_at set not null;
