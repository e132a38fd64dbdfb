-- Who else a space is there for: roles and times of joining, by the ids of users.
alter table drive.spaces add column members jsonb not null default '{}';
create index spaces_members_key on drive.spaces using gin (members);

-- Addresses whose owners may join a space.
create table drive.invitations (
  id text collate "C" primary key,
  space_id text collate "C" not null,
  email text collate "C" not null,
  role text collate "C" not null check (role in ('editor', 'viewer')),
  invited_by text collate "C" not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  version bigint not null
);
create unique index invitations_space_key on drive.invitations (space_id, email);
create index invitations_email_key on drive.invitations (email, id);
create index invitations_expired_key on drive.invitations (expires_at);
