-- When a balance was told that is of a moment, and not of the end of its day.
alter table accounts.balances add column told_at timestamptz;
