import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import type { CatalogScope } from "../application/ports/scope.ts";
import { postgresCategories } from "./postgres-categories.ts";
import { postgresImports } from "./postgres-imports.ts";
import { postgresPrices } from "./postgres-prices.ts";
import { postgresProducts } from "./postgres-products.ts";
import { postgresSearch } from "./postgres-search.ts";
import { postgresLevels, postgresReservations, postgresStocks } from "./postgres-stocks.ts";

/** All repositories of the catalog on one transaction. What they remember is of one database. */
export function postgresCatalog(): (transaction: Transaction) => CatalogScope {
  const stocks = postgresStocks();
  return (transaction) => ({
    products: postgresProducts(transaction),
    categories: postgresCategories(transaction),
    stocks: stocks(transaction),
    reservations: postgresReservations(transaction),
    prices: postgresPrices(transaction),
    levels: postgresLevels(transaction),
    search: postgresSearch(transaction),
    imports: postgresImports(transaction),
  });
}
