alter table identity.users add column erased_at timestamptz;
-- Who is to be erased.
create index users_to_erase_key on identity.users (deleted_at)
  where deleted_at is not null and erased_at is null;
