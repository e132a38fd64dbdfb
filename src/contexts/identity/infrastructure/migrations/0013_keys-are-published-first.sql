-- A key is published before it signs.
alter table identity.signing_keys add column signs_from timestamptz not null default now();
