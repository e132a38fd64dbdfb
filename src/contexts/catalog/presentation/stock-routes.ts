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
    description: "By location.",
    input: GetStock,
    handle: catalog.getStock,
    success: 200,
    output: LevelsView,
    present: (items) => ({ items }),
    refusals: { "sku-not-found": 404 },
  }),
  get("/stock", {
    access: "anyone",
    summary: "List the stock of some skus",
    description: "By sku and location: what another catalog asks for the parts of its pages.",
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
    description: "Adds what has arrived.",
    input: ReceiveStock,
    handle: catalog.receiveStock,
    success: 201,
    output: LevelView,
    refusals: { "sku-not-found": 404, "too-much-stock": 422, forbidden: 403, conflict: 409 },
  }),
  post("/stock/:sku/adjustments", {
    access: "signed-in",
    summary: "Adjust stock",
    description: "Corrects the count: `by` so many more, or fewer, but not what is reserved.",
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
    description: "Keeps units for you, for 15 minutes unless `holdS` says other seconds.",
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
    description: "Whether it is `open`, or what became of it; known for 30 days after its end.",
    input: GetReservation,
    handle: catalog.getReservation,
    success: 200,
    output: ReservationStateView,
    refusals: { "reservation-not-found": 404, forbidden: 403 },
  }),
  post("/reservations/:reservationId/commitment", {
    access: "signed-in",
    summary: "Commit a reservation",
    description: "Buys what was reserved: it leaves the stock.",
    input: EndReservation,
    handle: catalog.commitReservation,
    success: 204,
    refusals: ended,
  }),
  del("/reservations/:reservationId", {
    access: "signed-in",
    summary: "Release a reservation",
    description: "Gives back what was reserved.",
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
    description: "Of now, or what it cost or will cost `at` an instant.",
    input: ListPrices,
    handle: catalog.listPrices,
    success: 200,
    output: PricesView,
    present: (items) => ({ items: items.map(toPrice) }),
    refusals: { "product-not-found": 404 },
  }),
  get("/prices", {
    access: "anyone",
    summary: "List the prices of some skus",
    description: "Of now, or what they cost `at` an instant: what another catalog asks for.",
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
      "Of one unit, from a quantity on, on a list, from now on unless said. A price without an end " +
      "gives way to one that begins later; any other overlap is refused.",
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
    description: "Now, or at `validUntil`. What it was until then stays known.",
    input: EndPrice,
    handle: catalog.endPrice,
    success: 204,
    refusals: { "price-not-found": 404, "price-invalid": 422, forbidden: 403, conflict: 409 },
  }),
];
