-- Whoever is erased takes ended sessions and revoked keys along: an index of all finds them.
create index sessions_user_key on identity.sessions (user_id, id);
create index api_keys_of_user_key on identity.api_keys (user_id, id);
-- The ones that take their place are made in the same transaction.
-- squawk-ignore require-concurrent-index-deletion
drop index identity.sessions_live_key;
-- squawk-ignore require-concurrent-index-deletion
drop index identity.api_keys_user_key;
alter index identity.api_keys_of_user_key rename to api_keys_user_key;
