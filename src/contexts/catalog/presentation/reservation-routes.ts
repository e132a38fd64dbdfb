import { Instant } from "#kernel/instant.ts";
import { oneOf, named, optional, shape } from "#kernel/shape.ts";
import { del, get, post, type Route } from "#platform/http/route.ts";
import { EndReservation, GetReservation } from "../application/stock/reservations.ts";
import { ReserveStock } from "../application/stock/reserve-stock.ts";
import { OwnerId, ReservationId } from "../domain/ids.ts";
import { Location } from "../domain/location.ts";
import { Quantity } from "../domain/quantity.ts";
import { Sku } from "../domain/sku.ts";
import type { Catalog } from "../index.ts";

const ReservationView = named(
  "Reservation",
  shape({
    id: ReservationId,
    sku: Sku,
    location: Location,
    quantity: Quantity,
    expiresAt: Instant,
  }),
);

/** The state of a reservation. */
const ReservationStateView = named(
  "ReservationState",
  shape({
    id: ReservationId,
    sku: Sku,
    location: Location,
    holder: OwnerId,
    quantity: optional(Quantity),
    expiresAt: Instant,
    status: oneOf("open", "committed", "released", "expired"),
  }),
);

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
    id: "reserveStock",
    summary: "Reserve stock",
    description:
      "Holds units for the caller for `holdS` seconds, 15 minutes by default. Reservations and units of " +
      "one user are limited, unless they have `reservations:create-many`.",
    input: ReserveStock,
    handle: catalog.reserveStock,
    success: 201,
    output: ReservationView,
    refusals: {
      "sku-not-found": 404,
      "out-of-stock": 409,
      "too-many-reservations": 409,
      "holder-limit-reached": 409,
      forbidden: 403,
      conflict: 409,
    },
  }),
  get("/reservations/:reservationId", {
    access: "signed-in",
    id: "getReservation",
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
    id: "commitReservation",
    summary: "Commit a reservation",
    description:
      "Completes the purchase: the reserved units leave the stock. For the service that takes " +
      "payments, which has the permission `reservations:commit`.",
    input: EndReservation,
    handle: catalog.commitReservation,
    success: 204,
    refusals: ended,
  }),
  del("/reservations/:reservationId", {
    access: "signed-in",
    id: "releaseReservation",
    summary: "Release a reservation",
    description:
      "Returns the reserved units to the available stock. For its holder and for callers with `reservations:release`.",
    input: EndReservation,
    handle: catalog.releaseReservation,
    success: 204,
    refusals: ended,
  }),
];
