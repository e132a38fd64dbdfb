import type { Instant } from "#kernel/instant.ts";
import { Money, type Currency } from "#kernel/money.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import type { Holdings } from "../application/ports/holdings.ts";
import { maxHoldings, type Instrument, type Quantity } from "../domain/holding.ts";

type Row = {
  readonly instrument: string;
  readonly quantity: string;
  readonly cost_basis: string | null;
  readonly market_value: string;
  readonly currency: string;
  readonly as_of: Instant;
};

const ofAccount = statement<Row>(
  "accounts.holdings-of-account",
  `select instrument, quantity, cost_basis::text, market_value::text, currency, as_of
     from accounts.holdings where account_id = $1 order by instrument limit ${maxHoldings}`,
);
const worth = statement<{
  readonly currency: string;
  readonly value: string;
  readonly positions: number;
  readonly as_of: Instant;
}>(
  "accounts.holdings-worth",
  `select h.currency, sum(h.market_value)::text as value, count(*)::int as positions, min(h.as_of) as as_of
     from accounts.accounts a join accounts.holdings h on h.account_id = a.id
    where a.owner_id = $1 and a.status = 'active' group by h.currency order by h.currency`,
);
const tell = mutation(
  "accounts.holdings-tell",
  "holdings",
  `insert into accounts.holdings (account_id, instrument, quantity, cost_basis, market_value, currency, as_of)
   select $1, instrument, quantity, nullif(cost_basis, '')::bigint, market_value::bigint, currency, as_of
     from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
       as told (instrument, quantity, cost_basis, market_value, currency, as_of)
   on conflict (account_id, instrument) do update set quantity = excluded.quantity, cost_basis = excluded.cost_basis,
     market_value = excluded.market_value, currency = excluded.currency, as_of = excluded.as_of`,
);
const forgetOthers = mutation(
  "accounts.holdings-forget-others",
  "holdings",
  "delete from accounts.holdings where account_id = $1 and instrument <> all($2::text[])",
);

export const postgresHoldings = ({ read, write }: Transaction): Holdings => ({
  tell(accountId, { holdings, extent }) {
    const instruments = holdings.map(({ instrument }) => instrument);
    if (holdings.length > 0)
      write(tell, [
        accountId,
        instruments,
        holdings.map(({ quantity }) => quantity),
        holdings.map(({ costBasis }) => String(costBasis?.minor ?? "")),
        holdings.map(({ marketValue }) => String(marketValue.minor)),
        holdings.map(({ marketValue }) => marketValue.currency),
        holdings.map(({ asOf }) => asOf),
      ]);
    if (extent === "whole") write(forgetOthers, [accountId, instruments]);
  },
  ofAccount: async (accountId) =>
    (await read(ofAccount, [accountId])).map((row) => ({
      instrument: row.instrument as Instrument,
      quantity: row.quantity as Quantity,
      ...(row.cost_basis === null
        ? {}
        : { costBasis: Money.of(BigInt(row.cost_basis), row.currency as Currency) }),
      marketValue: Money.of(BigInt(row.market_value), row.currency as Currency),
      asOf: row.as_of,
    })),
  worth: async (ownerId) =>
    (await read(worth, [ownerId])).map(({ currency, value, positions, as_of }) => ({
      amount: Money.of(BigInt(value), currency as Currency),
      positions,
      asOf: as_of,
    })),
});
