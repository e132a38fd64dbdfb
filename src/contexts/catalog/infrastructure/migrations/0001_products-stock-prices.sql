-- Equality of texts inside an exclusion constraint. Trusted: the owner of the database may add it.
create extension if not exists btree_gist;

create table catalog.categories (
  id text collate "C" primary key,
  name text not null,
  slug text collate "C" not null,
  parent_id text collate "C",
  version bigint not null,
  check (parent_id <> id)
);
create unique index categories_slug_key on catalog.categories (slug);

create table catalog.products (
  id text collate "C" primary key,
  owner_id text collate "C",
  status text collate "C" not null check (status in ('draft', 'published', 'archived', 'deleted')),
  name text not null,
  slug text collate "C" not null,
  description text not null,
  skus text[] collate "C" not null,
  category_ids text[] collate "C" not null,
  attributes jsonb not null,
  images text[] not null,
  created_at timestamptz not null,
  published_at timestamptz,
  archived_at timestamptz,
  version bigint not null,
  check (length(name) between 1 and 200),
  check (status <> 'published' or (published_at is not null and cardinality(skus) > 0)),
  check (status <> 'archived' or archived_at is not null)
);

-- A deleted draft gives its slug free.
create unique index products_slug_key on catalog.products (slug) where status <> 'deleted';
create index products_page_key on catalog.products (status, id);
create index products_owner_key on catalog.products (owner_id, status, id);

-- Where a product is to be found, in the order in which pages show it.
create table catalog.product_categories (
  product_id text collate "C" not null,
  category_id text collate "C" not null,
  status text collate "C" not null,
  primary key (category_id, status, product_id)
);
create index on catalog.product_categories (product_id);

create table catalog.product_skus (
  product_id text collate "C" not null,
  sku text collate "C" not null primary key
);
create index on catalog.product_skus (product_id);

-- The stock of a sku at a location, as its events leave it: written with them, read by pages.
create table catalog.stocks (
  sku text collate "C" not null,
  location text collate "C" not null,
  on_hand bigint not null,
  reserved bigint not null,
  version bigint not null,
  primary key (sku, location),
  -- Nothing is sold that is not there, whatever the code says.
  check (reserved >= 0 and reserved <= on_hand)
);

create table catalog.reservations (
  id text collate "C" primary key,
  sku text collate "C" not null,
  location text collate "C" not null,
  holder text collate "C" not null,
  expires_at timestamptz not null,
  status text collate "C" not null check (status in ('open', 'committed', 'released', 'expired'))
);
create index reservations_expiry_key on catalog.reservations (expires_at) where status = 'open';
create index reservations_over_key on catalog.reservations (expires_at) where status <> 'open';

-- Where replays begin. One of an older reducer is ignored, and replaced by the next.
create table catalog.snapshots (
  stream text collate "C" primary key,
  version bigint not null,
  reducer integer not null,
  state jsonb not null
);

create table catalog.prices (
  id text collate "C" primary key,
  sku text collate "C" not null,
  list text collate "C" not null,
  currency text collate "C" not null,
  minimum_quantity bigint not null check (minimum_quantity > 0),
  -- In the smallest unit of the currency.
  minor bigint not null check (minor >= 0),
  valid tstzrange not null check (not isempty(valid)),
  -- One price at a time. Its index also answers what something cost on some day.
  constraint prices_overlap exclude using gist
    (sku with =, list with =, currency with =, minimum_quantity with =, valid with &&)
);
