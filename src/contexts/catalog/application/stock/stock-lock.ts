import { Stock, type StockKey } from "../../domain/stock.ts";
import type { Level } from "../ports/stock.ts";

/** No product has this sku. */
export type SkuNotFound = { readonly type: "sku-not-found" };

/** Whoever changes a stock waits for the others: on a hot sku, losing races would be the rule. */
export const stockLock = ({ sku, location }: StockKey) => ({
  lock: [`catalog.${Stock.streamOf({ sku, location })}`],
});

export const levelOf = (stock: Stock): Level => ({
  sku: stock.sku,
  location: stock.location,
  onHand: stock.onHand,
  reserved: stock.reserved,
  available: Stock.available(stock),
});
