import { get, post, type Route } from "#platform/http/route.ts";
import {
  AdjustStock,
  GetStock,
  ListStock,
  ReceiveStock,
} from "../application/stock/count-stock.ts";
import type { Catalog } from "../index.ts";
import { LevelsView, LevelView } from "./views.ts";

export const stockRoutes = (catalog: Catalog): readonly Route[] => [
  get("/stock/:sku", {
    access: "anyone",
    id: "getStockOfSku",
    summary: "Get the stock of a sku",
    description: "Units of one sku, per location.",
    input: GetStock,
    handle: catalog.getStock,
    success: 200,
    output: LevelsView,
    present: (items) => ({ items }),
    refusals: { "sku-not-found": 404 },
  }),
  get("/stock", {
    access: "anyone",
    id: "listStockOfSeveralSkus",
    summary: "List the stock of several skus",
    description:
      "Units per sku and location. Other Basalt servers call this for their product pages.",
    input: ListStock,
    handle: catalog.listStock,
    success: 200,
    output: LevelsView,
    present: (items) => ({ items }),
    refusals: {},
  }),
  post("/stock/:sku/receipts", {
    access: "signed-in",
    id: "receiveStock",
    summary: "Receive stock",
    description: "Adds units that have arrived to the stock of a sku at a location.",
    input: ReceiveStock,
    handle: catalog.receiveStock,
    success: 201,
    output: LevelView,
    refusals: { "sku-not-found": 404, "too-much-stock": 422, forbidden: 403, conflict: 409 },
  }),
  post("/stock/:sku/adjustments", {
    access: "signed-in",
    id: "adjustStock",
    summary: "Adjust stock",
    description:
      "Corrects the count by a positive or negative number of units (`by`). Reserved units " +
      "cannot be removed.",
    input: AdjustStock,
    handle: catalog.adjustStock,
    success: 201,
    output: LevelView,
    refusals: {
      "sku-not-found": 404,
      "out-of-stock": 409,
      "too-much-stock": 422,
      forbidden: 403,
      conflict: 409,
    },
  }),
];
