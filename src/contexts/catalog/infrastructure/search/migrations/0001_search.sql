-- The read model of what is for sale: written by a projection of the catalog's log and by nobody
-- else, so that it can be rebuilt beside itself. {schema} is where it stands, or is rebuilt.

-- Words that are nearly those that somebody typed. Trusted: the owner of the database may add it.
-- In a schema that every role looks into; the owner's own, named like it, would come first.
create extension if not exists pg_trgm schema public;

create table {schema}.products (
  id text collate "C" primary key,
  status text collate "C" not null,
  details jsonb not null,
  published_at timestamptz,
  -- Words, categories and attributes: what a search asks for is a conjunction of these.
  terms tsvector not null,
  -- Of the terms, categories and attributes: what is counted beside the matches.
  facets text[] collate "C" not null,
  -- What the tables below say of its skus.
  in_stock boolean not null default false,
  -- No price of one unit was ever below or above, in whatever currency: tells most of those that a
  -- search for prices need not ask about. In the smallest unit.
  least_minor bigint,
  most_minor bigint
);
create index products_newest_key on {schema}.products (id desc) where status = 'published';
-- New rows wait in a list, to be entered together; it stays short (kB), since searches read it.
create index products_terms_key on {schema}.products using gin (terms)
  with (gin_pending_list_limit = 256) where status = 'published';

create table {schema}.skus (
  product_id text collate "C" not null,
  sku text collate "C" not null,
  primary key (product_id, sku)
);
create index skus_sku_key on {schema}.skus (sku);

-- Units that are free, at all locations.
create table {schema}.stocks (
  sku text collate "C" primary key,
  available bigint not null
);

-- What one unit costs. Prices of more units at once are no use for a search.
create table {schema}.prices (
  id text collate "C" primary key,
  sku text collate "C" not null,
  list text collate "C" not null,
  currency text collate "C" not null,
  minor bigint not null,
  valid_from timestamptz not null,
  valid_until timestamptz
);
create index prices_sku_key on {schema}.prices (sku, currency, list);

-- In how many products on sale a term is: says which way to search is short.
create table {schema}.terms (
  term text collate "C" primary key,
  products bigint not null
);
-- Of words in Latin letters: which others make trigrams depends on the locale of the database.
create index terms_similar_key on {schema}.terms using gin (term gin_trgm_ops)
  where term ~ '^[a-z]+$';
