-- The search for names. The role that Basalt works as sees extensions in this schema alone; both are trusted: the owner of the database may add them.
create extension if not exists pg_trgm schema public;
create extension if not exists btree_gin schema public;
create index nodes_search_key on drive.nodes using gin (space_id, name_key public.gin_trgm_ops) where trashed_at is null;
