-- The newest quote of each currency in each other one.
create table accounts.rates (
  from_currency text collate "C" not null,
  into_currency text collate "C" not null,
  rate text collate "C" not null,
  source text not null,
  quoted_at timestamptz not null,
  version bigint not null,
  primary key (from_currency, into_currency)
);
create index rates_into_key on accounts.rates (into_currency);
