-- Links that take files into their folder, and show nothing of it.
alter table drive.links add column is_drop boolean not null default false;
