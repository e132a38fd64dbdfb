import type { Imports } from "./imports.ts";
import type { PricesOfSkus } from "./prices.ts";
import type { Categories, Products } from "./products.ts";
import type { Search } from "./search.ts";
import type { Levels, Reservations, Stocks } from "./stock.ts";

/** All repositories of the catalog, bound to one transaction. */
export type CatalogScope = {
  readonly products: Products;
  readonly categories: Categories;
  readonly stocks: Stocks;
  readonly reservations: Reservations;
  readonly prices: PricesOfSkus;
  readonly levels: Levels;
  readonly search: Search;
  readonly imports: Imports;
};
