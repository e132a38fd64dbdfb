import type { Route } from "#platform/http/route.ts";
import type { Catalog } from "../index.ts";
import { importRoutes } from "./import-routes.ts";
import { categoryRoutes, productRoutes } from "./product-routes.ts";
import { priceRoutes, reservationRoutes, stockRoutes } from "./stock-routes.ts";

/** Everything that the catalog answers over HTTP. */
export const catalogRoutes = (catalog: Catalog): readonly Route[] => [
  ...productRoutes(catalog),
  ...categoryRoutes(catalog),
  ...priceRoutes(catalog),
  ...stockRoutes(catalog),
  ...reservationRoutes(catalog),
  ...importRoutes(catalog),
];
