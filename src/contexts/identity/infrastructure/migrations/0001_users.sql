create table identity.users (
  id text collate "C" primary key,
  email text collate "C" not null,
  name text not null,
  created_at timestamptz not null,
  deleted_at timestamptz,
  version bigint not null,
  check (length(email) between 3 and 254 and email !~ '\s'),
  check (length(name) between 2 and 100)
);

-- Who is deleted gives the address free.
create unique index users_email_key on identity.users (email) where deleted_at is null;

-- Newest last, as `GET /users` pages through them.
create index users_active_key on identity.users (id) where deleted_at is null;
