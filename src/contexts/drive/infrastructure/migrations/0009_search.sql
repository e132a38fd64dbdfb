-- The search for names. The role that Basalt works as sees extensions in this schema alone; both are trusted: the owner of the database may add them.
create extension if not exists pg_trgm schema public;
create extension if not exists btree_gin schema public;
-- A sigma at the end of a word is written in another way.
create index nodes_search_key on drive.nodes using gin (space_id, replace(name_key, 'ς', 'σ') public.gin_trgm_ops) where trashed_at is null;
