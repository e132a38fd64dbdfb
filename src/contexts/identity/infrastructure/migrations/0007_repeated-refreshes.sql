-- The last refresh token that was given out again after the grace.
alter table identity.sessions add column repeated bigint not null default 0;
