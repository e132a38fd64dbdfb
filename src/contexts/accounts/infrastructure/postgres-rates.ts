import type { Instant } from "#kernel/instant.ts";
import type { Currency, Rate } from "#kernel/money.ts";
import { saving } from "#kernel/repository.ts";
import type { Version } from "#kernel/version.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import { streamOfRate, type Rates } from "../application/ports/rates.ts";
import type { AccountsEvent } from "../domain/events.ts";
import type { QuoteSource } from "../domain/labels.ts";
import type { QuotedRate } from "../domain/rate.ts";

type Row = {
  readonly from_currency: string;
  readonly into_currency: string;
  readonly rate: string;
  readonly source: string;
  readonly quoted_at: Instant;
  readonly version: number;
};
const columns = "from_currency, into_currency, rate, source, quoted_at, version";

const quoted = statement<Row>(
  "accounts.rate-quoted",
  `select ${columns} from accounts.rates where from_currency = $1 and into_currency = $2`,
);
const among = statement<Row>(
  "accounts.rates-among",
  `select ${columns} from accounts.rates where from_currency = any($1::text[])
   union select ${columns} from accounts.rates where into_currency = any($1::text[])`,
);
const upsert = mutation(
  "accounts.rate-upsert",
  "rates",
  `insert into accounts.rates (${columns}) values ($1, $2, $3, $4, $5, $6)
   on conflict (from_currency, into_currency) do update set rate = excluded.rate,
     source = excluded.source, quoted_at = excluded.quoted_at, version = excluded.version`,
);

const toRate = (row: Row): QuotedRate => ({
  from: row.from_currency as Currency,
  into: row.into_currency as Currency,
  rate: row.rate as Rate,
  source: row.source as QuoteSource,
  quotedAt: row.quoted_at,
  version: row.version as Version,
});

export const postgresRates = ({ read, write, append }: Transaction): Rates => ({
  save: saving<QuotedRate, AccountsEvent>(append, streamOfRate, (next) =>
    write(upsert, [next.from, next.into, next.rate, next.source, next.quotedAt, next.version]),
  ),
  async quoted(from, into) {
    const [row] = await read(quoted, [from, into]);
    return row && toRate(row);
  },
  among: async (currencies) => (await read(among, [currencies])).map(toRate),
});
