import { saving } from "#kernel/repository.ts";
import type { Instant } from "#kernel/instant.ts";
import { Money, type Currency } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import type { Version } from "#kernel/version.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import type { PricesOfSkus } from "../application/ports/prices.ts";
import type { CatalogEvent } from "../domain/events.ts";
import type { PriceId } from "../domain/ids.ts";
import type { PriceList } from "../domain/price-list.ts";
import { Prices, type Price } from "../domain/price.ts";
import type { Quantity } from "../domain/quantity.ts";
import type { Sku } from "../domain/sku.ts";

export type PriceRow = {
  readonly id: string;
  readonly sku: string;
  readonly list: string;
  readonly currency: string;
  readonly minimum_quantity: number;
  /** A text, since it may be more than a number can hold. */
  readonly minor: string;
  readonly valid_from: Instant;
  readonly valid_until: Instant | null;
};
type KnownRow = { readonly version: number } & {
  readonly [K in keyof PriceRow]: PriceRow[K] | null;
};

export const priceColumns =
  "p.id, p.sku, p.list, p.currency, p.minimum_quantity, p.minor::text as minor, " +
  "lower(p.valid) as valid_from, upper(p.valid) as valid_until";

const bySku = statement<KnownRow>(
  "catalog.prices-by-sku",
  `select v.version, ${priceColumns}
     from (select coalesce(max(version), 0) as version from catalog.events where stream = $1) v
     left join catalog.prices p
       on p.sku = $2 and p.valid && tstzrange($3::timestamptz, null)`,
);
const skuOf = statement<{ readonly sku: string }>(
  "catalog.price-sku",
  "select sku from catalog.prices where id = $1",
);
/**
 * Valid at $2, of a currency and a list where said, for each sku of `k`. Taken sku by sku (`offset
 * 0`): the planner thinks that few prices are valid at a time, and would begin with all of those.
 */
export const currentPrices = `cross join lateral (
       select * from catalog.prices
        where sku = k.sku and valid @> $2::timestamptz
          and ($3::text is null or currency = $3) and ($4::text is null or list = $4)
       offset 0) p`;
export const inPriceOrder = "order by p.sku, p.list, p.currency, p.minimum_quantity";
const at = statement<PriceRow>(
  "catalog.prices-at",
  `select ${priceColumns} from unnest($1::text[]) k(sku) ${currentPrices} ${inPriceOrder}`,
);
const page = statement<PriceRow>(
  "catalog.price-page",
  `select ${priceColumns} from catalog.prices p
    where (p.sku, p.id) > ($2, $3) and p.valid && tstzrange($1::timestamptz, null)
    order by p.sku, p.id limit $4`,
);
const insert = mutation(
  "catalog.price-insert",
  "prices",
  `insert into catalog.prices (id, sku, list, currency, minimum_quantity, minor, valid)
   values ($1, $2, $3, $4, $5, $6, tstzrange($7::timestamptz, $8::timestamptz))`,
);
const end = mutation(
  "catalog.price-end",
  "prices",
  "update catalog.prices set valid = tstzrange(lower(valid), $2::timestamptz) where id = $1",
);

const remove = mutation(
  "catalog.price-remove",
  "prices",
  "delete from catalog.prices where id = $1",
);

export const toPrice = (row: PriceRow): Price => ({
  id: row.id as PriceId,
  sku: row.sku as Sku,
  list: row.list as PriceList,
  minimumQuantity: row.minimum_quantity as Quantity,
  price: Money.of(BigInt(row.minor), row.currency as Currency),
  validFrom: row.valid_from,
  ...(row.valid_until === null ? {} : { validUntil: row.valid_until }),
});

const streamOf = ({ sku }: Prices) => Prices.streamOf(sku);

const isPrice = (row: KnownRow): row is KnownRow & PriceRow => row.id !== null;

export const postgresPrices = ({ read, write, append }: Transaction): PricesOfSkus => ({
  async bySku(sku, from) {
    const rows = await read(bySku, [Prices.streamOf(sku), sku, from]);
    const version = (rows[0]?.version ?? 0) as Version;
    return { sku, prices: rows.filter(isPrice).map(toPrice), version };
  },
  async skuOf(id) {
    const [row] = await read(skuOf, [id]);
    return row && (row.sku as Sku);
  },
  async at(skus, instant, { currency, list }) {
    return (await read(at, [skus, instant, currency ?? null, list ?? null])).map(toPrice);
  },
  async page({ from, after, limit }) {
    return (await read(page, [from, after?.sku ?? "", after?.id ?? "", limit])).map(toPrice);
  },
  save: saving<Prices, CatalogEvent>(append, streamOf, (_prices, { events }) => {
    for (const event of events) keep(write, event);
  }),
});

function keep(write: Transaction["write"], { type, payload }: CatalogEvent): void {
  if (type === "catalog.price-set") {
    const { priceId, sku, list, minimumQuantity, validFrom, validUntil } = payload;
    const { minor, currency } = expect(Money.parse(payload.price));
    write(insert, [
      priceId,
      sku,
      list,
      currency,
      minimumQuantity,
      minor,
      validFrom,
      validUntil ?? null,
    ]);
  }
  if (type === "catalog.price-withdrawn") write(remove, [payload.priceId]);
  if (type === "catalog.price-ended") write(end, [payload.priceId, payload.validUntil]);
}
