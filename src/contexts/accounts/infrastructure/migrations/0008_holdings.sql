alter table accounts.connections validate constraint connections_status_check;

-- What accounts elsewhere hold besides money, as their providers value it. Values are in the smallest unit of their currency.
create table accounts.holdings (
  account_id text collate "C" not null,
  instrument text collate "C" not null,
  quantity text collate "C" not null,
  cost_basis bigint,
  market_value bigint not null,
  currency text collate "C" not null,
  as_of timestamptz not null,
  primary key (account_id, instrument)
);
