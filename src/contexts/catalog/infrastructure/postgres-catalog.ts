import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import type { CatalogScope } from "../application/ports.ts";
import { postgresCategories } from "./postgres-categories.ts";
import { postgresPrices } from "./postgres-prices.ts";
import { postgresProducts } from "./postgres-products.ts";
import { postgresLevels, postgresReservations, postgresStocks } from "./postgres-stocks.ts";

/** All repositories of the catalog on one transaction. */
export const postgresCatalog = (transaction: Transaction): CatalogScope => ({
  products: postgresProducts(transaction),
  categories: postgresCategories(transaction),
  stocks: postgresStocks(transaction),
  reservations: postgresReservations(transaction),
  prices: postgresPrices(transaction),
  levels: postgresLevels(transaction),
});
