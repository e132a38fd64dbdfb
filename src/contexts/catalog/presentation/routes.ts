import type { Route } from "#platform/http/route.ts";
import type { Timers } from "#platform/runtime.ts";
import type { Catalog } from "../index.ts";
import { categoryRoutes } from "./category-routes.ts";
import { exportRoutes, importRoutes } from "./import-routes.ts";
import { priceRoutes } from "./price-routes.ts";
import { productRoutes } from "./product-routes.ts";
import { reservationRoutes } from "./reservation-routes.ts";
import { searchRoutes } from "./search-routes.ts";
import { stockRoutes } from "./stock-routes.ts";

/** Everything that the catalog answers over HTTP. */
export const catalogRoutes = (catalog: Catalog, timers: Timers): readonly Route[] => [
  ...productRoutes(catalog),
  ...searchRoutes(catalog),
  ...categoryRoutes(catalog),
  ...priceRoutes(catalog),
  ...stockRoutes(catalog),
  ...reservationRoutes(catalog),
  ...importRoutes(catalog, timers),
  ...exportRoutes(catalog),
];
