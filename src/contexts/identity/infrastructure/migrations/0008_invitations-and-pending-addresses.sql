-- formers: [{"email", "until"}], the addresses that can take the account back, the first one first.
alter table identity.users
  add column pending_email text collate "C",
  add column formers jsonb not null default '[]',
  add column is_invited boolean not null default false;
-- Who was invited and has set no password yet.
update identity.users u set is_invited = true
  where not is_email_verified and not is_disabled and deleted_at is null and not exists (
    select from identity.credentials c where c.user_id = u.id and c.password is not null);
