alter table identity.users
  add column is_email_verified boolean not null default false,
  add column is_disabled boolean not null default false,
  add column roles text[] not null default '{member}';

-- Whether anybody administers.
create index users_administrators_key on identity.users (id)
  where deleted_at is null and not is_disabled and roles @> '{admin}';

create trigger note_change after update on identity.users for each row
  when (old.deleted_at is distinct from new.deleted_at or old.is_disabled <> new.is_disabled
        or old.roles <> new.roles)
  execute function identity.note_change('id');

-- All that a user can show to be themselves. Secrets are hashed or sealed.
create table identity.credentials (
  user_id text collate "C" primary key,
  password text,
  is_initial boolean not null,
  totp jsonb,
  recovery_codes text[] not null,
  passkeys jsonb not null,
  version bigint not null
);

create table identity.sessions (
  id text collate "C" primary key,
  user_id text collate "C" not null,
  factors text[] not null,
  address text not null,
  agent text not null,
  started_at timestamptz not null,
  last_used_at timestamptz not null,
  generation bigint not null,
  ended_at timestamptz,
  version bigint not null
);
create index sessions_live_key on identity.sessions (user_id, id) where ended_at is null;
create index sessions_last_used_key on identity.sessions (last_used_at);

-- Whoever ends a session, by hand in psql too: caches forget it.
create trigger note_change after update on identity.sessions for each row
  when (old.ended_at is distinct from new.ended_at)
  execute function identity.note_change('id');
create trigger note_deletion after delete on identity.sessions for each row
  when (old.ended_at is null)
  execute function identity.note_change('id');

create table identity.api_keys (
  id text collate "C" primary key,
  user_id text collate "C" not null,
  name text not null,
  scopes text[] not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  version bigint not null
);
create index api_keys_user_key on identity.api_keys (user_id, id) where revoked_at is null;
create trigger note_change after update or delete on identity.api_keys for each row
  execute function identity.note_change('id');

-- Apart from the keys: written often, by nobody's decision.
create table identity.api_key_uses (
  key_id text collate "C" primary key,
  last_used_at timestamptz not null
);

create table identity.policies (
  role text collate "C" primary key,
  permissions text[] not null,
  version bigint not null
);
insert into identity.policies (role, permissions, version) values
  ('admin', '{*:*}', 0),
  ('support', '{users:list,users:read,sessions:read,sessions:end,credentials:read,api-keys:read}', 0),
  ('member', '{}', 0),
  -- What everybody may with what is theirs.
  ('owner', '{users:read,users:update,users:change-email,users:delete,sessions:*,credentials:*,api-keys:*}', 0);
create trigger note_change after insert or update or delete on identity.policies for each row
  execute function identity.note_change('policies');

-- Private halves are sealed under the master key. The newest signs; all verify until they are gone.
create table identity.signing_keys (
  id text collate "C" primary key,
  public_jwk jsonb not null,
  private_jwk text not null,
  created_at timestamptz not null,
  replaced_at timestamptz
);
create unique index signing_keys_current_key on identity.signing_keys ((true))
  where replaced_at is null;
create trigger note_change after insert or update or delete on identity.signing_keys for each row
  execute function identity.note_change('signing-keys');
