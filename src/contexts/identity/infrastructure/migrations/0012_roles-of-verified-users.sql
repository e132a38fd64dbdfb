-- Roles count once the address is verified: caches forget them then, too.
drop trigger note_change on identity.users;
create trigger note_change after update on identity.users for each row
  when (old.deleted_at is distinct from new.deleted_at or old.is_disabled <> new.is_disabled
        or old.roles <> new.roles or old.is_email_verified <> new.is_email_verified
        or old.is_invited <> new.is_invited)
  execute function identity.note_change('id');
-- Administrators stay administrators.
update identity.users set is_email_verified = true
  where not is_email_verified and not is_invited and deleted_at is null and roles @> '{admin}';
