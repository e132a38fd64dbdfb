import { Instant } from "#kernel/instant.ts";
import { oneOf, shape } from "#kernel/shape.ts";
import { del, get, post, type Route } from "#platform/http/route.ts";
import {
  AdjustStock,
  GetStock,
  ListStock,
  ReceiveStock,
} from "../application/stock/count-stock.ts";
import { EndPrice, ListPrices, ListPricesOfSkus, SetPrice } from "../application/prices/prices.ts";
import { EndReservation, GetReservation } from "../application/stock/reservations.ts";
import { ReserveStock } from "../application/stock/reserve-stock.ts";
import { OwnerId, ReservationId } from "../domain/ids.ts";
import { Location } from "../domain/location.ts";
import { Quantity } from "../domain/quantity.ts";
import { Sku } from "../domain/sku.ts";
import type { Catalog } from "../index.ts";
import { LevelsView, LevelView, PricesView, PriceView, toPrice } from "./views.ts";

const ReservationView = shape({
  id: ReservationId,
  sku: Sku,
  location: Location,
  quantity: Quantity,
  expiresAt: Instant,
});

/** What is known of a reservation by its id. */
const ReservationStateView = shape({
  id: ReservationId,
  sku: Sku,
  location: Location,
  holder: OwnerId,
  expiresAt: Instant,
  status: oneOf("open", "committed", "released", "expired"),
});

export const stockRoutes = (catalog: Catalog): readonly Route[] => [
  get("/stock/:sku", {
    access: "anyone",
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
    summary: "List the stock of several skus",
    description:
      "Units per sku and location. Another Basalt asks here for the stock on its product " +
      "pages.",
    input: ListStock,
    handle: catalog.listStock,
    success: 200,
    output: LevelsView,
    present: (items) => ({ items }),
    refusals: {},
  }),
  post("/stock/:sku/receipts", {
    access: "signed-in",
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

const ended = {
  "reservation-not-found": 404,
  "reservation-ended": 409,
  "reservation-expired": 410,
  forbidden: 403,
  conflict: 409,
} as const;

export const reservationRoutes = (catalog: Catalog): readonly Route[] => [
  post("/stock/:sku/reservations", {
    access: "signed-in",
    summary: "Reserve stock",
    description: "Holds units for the caller for `holdS` seconds, 15 minutes by default.",
    input: ReserveStock,
    handle: catalog.reserveStock,
    success: 201,
    output: ReservationView,
    refusals: {
      "sku-not-found": 404,
      "not-for-sale": 409,
      "out-of-stock": 409,
      "too-many-reservations": 409,
      forbidden: 403,
      conflict: 409,
    },
  }),
  get("/reservations/:reservationId", {
    access: "signed-in",
    summary: "Get a reservation",
    description:
      "The status of a reservation: `open`, or how it ended. It can be read for 30 days " +
      "after its end.",
    input: GetReservation,
    handle: catalog.getReservation,
    success: 200,
    output: ReservationStateView,
    refusals: { "reservation-not-found": 404, forbidden: 403 },
  }),
  post("/reservations/:reservationId/commitment", {
    access: "signed-in",
    summary: "Commit a reservation",
    description: "Completes the purchase: the reserved units leave the stock.",
    input: EndReservation,
    handle: catalog.commitReservation,
    success: 204,
    refusals: ended,
  }),
  del("/reservations/:reservationId", {
    access: "signed-in",
    summary: "Release a reservation",
    description: "Returns the reserved units to the available stock.",
    input: EndReservation,
    handle: catalog.releaseReservation,
    success: 204,
    refusals: ended,
  }),
];

export const priceRoutes = (catalog: Catalog): readonly Route[] => [
  get("/products/:productId/prices", {
    access: "anyone",
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
    summary: "List the prices of several skus",
    description:
      "Current prices of several skus, or their prices `at` another instant. Another Basalt " +
      "asks here for the prices on its product pages.",
    input: ListPricesOfSkus,
    handle: catalog.listPricesOfSkus,
    success: 200,
    output: PricesView,
    present: (items) => ({ items: items.map(toPrice) }),
    refusals: {},
  }),
  post("/products/:productId/prices", {
    access: "signed-in",
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
    summary: "End a price",
    description: "Ends a price now, or at `validUntil`. Its history remains readable.",
    input: EndPrice,
    handle: catalog.endPrice,
    success: 204,
    refusals: { "price-not-found": 404, "price-invalid": 422, forbidden: 403, conflict: 409 },
  }),
];
