-- Balances of days that an owner has agreed to. What is before them in time stays as it is.
alter table accounts.accounts add column agreed_until date;
create table accounts.agreements (
  account_id text collate "C" not null,
  date date not null,
  amount bigint not null,
  currency text collate "C" not null,
  agreed_at timestamptz not null,
  primary key (account_id, date)
);
