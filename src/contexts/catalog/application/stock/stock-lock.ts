import { Stock, type StockKey } from "../../domain/stock.ts";
import type { Level } from "../ports/stock.ts";

/** No product has this sku. */
export type SkuNotFound = { readonly type: "sku-not-found" };

/** The lock of a stock. Without it most writers of a hot sku would lose their races. */
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
