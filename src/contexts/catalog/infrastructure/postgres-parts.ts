import { statement, type Database } from "#platform/postgres/database.ts";
import type { Level } from "../application/ports/stock.ts";
import type { Price } from "../domain/price.ts";
import type { LevelSource, PriceSource } from "./degrading.ts";
import {
  currentPrices,
  inPriceOrder,
  priceColumns,
  toPrice,
  type PriceRow,
} from "./postgres-prices.ts";
import { toLevel, type LevelRow } from "./postgres-stocks.ts";

const levels = statement<LevelRow>(
  "catalog.levels-of-product",
  `select s.sku, s.location, s.on_hand, s.reserved
     from catalog.product_skus k
    cross join lateral (select * from catalog.stocks where sku = k.sku offset 0) s
    where k.product_id = $1 order by s.sku, s.location`,
);
const prices = statement<PriceRow>(
  "catalog.prices-of-product",
  `select ${priceColumns} from catalog.product_skus k ${currentPrices}
    where k.product_id = $1 ${inPriceOrder}`,
);

/** Stock that is kept here: found by the product, so that nothing waits for its skus. */
export const postgresLevelSource =
  (database: Database): LevelSource =>
  async ({ productId }, { deadlineMs }): Promise<readonly Level[]> =>
    (await database.query(levels, [productId], deadlineMs)).map(toLevel);

/** Prices that are kept here. */
export const postgresPriceSource =
  (database: Database): PriceSource =>
  async ({ productId, at, filter }, { deadlineMs }): Promise<readonly Price[]> => {
    const { currency = null, list = null } = filter;
    return (await database.query(prices, [productId, at, currency, list], deadlineMs)).map(toPrice);
  };
