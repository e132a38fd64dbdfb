-- From when on the past is whole: what was replaced or left before was deleted.
create table drive.retention (only_row int primary key check (only_row = 1), kept_from timestamptz not null);
insert into drive.retention values (1, '0001-01-01T00:00:00Z');

-- Revisions by the time when they replaced others.
create index revisions_replacing_key on drive.revisions (created_at) where number > 1;
create index past_places_until_key on drive.past_places (until);

-- Whether a revision is there; it stays until the unit of work has ended.
create function drive.hold_revision(node text, revision bigint) returns boolean language plpgsql set search_path = pg_catalog as $$
begin
  perform from drive.revisions where node_id = node and number = revision for key share;
  if not found then
    raise exception 'revision % of % is gone', revision, node using errcode = 'serialization_failure';
  end if;
  return true;
end $$;
