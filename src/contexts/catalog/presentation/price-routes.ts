import { del, get, post, type Route } from "#platform/http/route.ts";
import { EndPrice, ListPrices, ListPricesOfSkus, SetPrice } from "../application/prices/prices.ts";
import type { Catalog } from "../index.ts";
import { PricesView, PriceView, toPrice } from "./views.ts";

export const priceRoutes = (catalog: Catalog): readonly Route[] => [
  get("/products/:productId/prices", {
    access: "anyone",
    id: "listPricesOfProduct",
    summary: "List the prices of a product",
    description: "Current prices of a product, or its prices `at` another instant, past or future.",
    input: ListPrices,
    handle: catalog.listPrices,
    success: 200,
    output: PricesView,
    present: (items) => ({ items: items.map(toPrice) }),
    refusals: { "product-not-found": 404 },
  }),
  get("/prices", {
    access: "anyone",
    id: "listPricesOfSeveralSkus",
    summary: "List the prices of several skus",
    description:
      "Current prices of several skus, or their prices `at` another instant. Other Basalt " +
      "servers call this for their product pages.",
    input: ListPricesOfSkus,
    handle: catalog.listPricesOfSkus,
    success: 200,
    output: PricesView,
    present: (items) => ({ items: items.map(toPrice) }),
    refusals: {},
  }),
  post("/products/:productId/prices", {
    access: "signed-in",
    id: "setPrice",
    summary: "Set a price",
    description:
      "Sets the price of one unit of a sku on a price list, from a minimum quantity on. It " +
      "is valid from now on unless `validFrom` says otherwise. A price without an end is " +
      "ended by one that begins later; any other overlap is refused.",
    input: SetPrice,
    handle: catalog.setPrice,
    success: 201,
    output: PriceView,
    present: toPrice,
    refusals: {
      "product-not-found": 404,
      "sku-not-found": 422,
      "price-overlaps": 409,
      "price-invalid": 422,
      forbidden: 403,
      conflict: 409,
    },
  }),
  del("/prices/:priceId", {
    access: "signed-in",
    id: "endPrice",
    summary: "End a price",
    description:
      "Ends a price now, or at `validUntil`; a date without a time is the start of that day in UTC. Its " +
      "history remains readable.",
    input: EndPrice,
    handle: catalog.endPrice,
    success: 204,
    refusals: { "price-not-found": 404, "price-invalid": 422, forbidden: 403, conflict: 409 },
  }),
];
