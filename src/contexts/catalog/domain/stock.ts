import { type Versioned, Version } from "#kernel/version.ts";
import { unchanged, type Change } from "#kernel/change.ts";
import { Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { list, shape, type Infer } from "#kernel/shape.ts";
import {
  ReservationCommitted,
  ReservationReleased,
  StockAdjusted,
  StockExhausted,
  StockReceived,
  StockReserved,
  type CatalogEvent,
} from "./events.ts";
import { OwnerId, ReservationId } from "./ids.ts";
import type { Location } from "./location.ts";
import { Quantity, Units, type Adjustment } from "./quantity.ts";
import type { Sku } from "./sku.ts";

/** Open reservations of one stock at most: each is loaded with it. */
export const maxReservations = 10_000;

/** Units reserved for a holder until they are bought, released or expired. */
export type Reservation = Infer<typeof Reservation>;
const Reservation = shape({
  id: ReservationId,
  quantity: Quantity,
  expiresAt: Instant,
  holder: OwnerId,
});

export type StockKey = { readonly sku: Sku; readonly location: Location };

/** The stock of one sku at one location. Event-sourced: its events are its only state. */
export type Stock = Versioned &
  StockKey & {
    readonly onHand: Units;
    /** Units in open reservations, at most `onHand`. */
    readonly reserved: Units;
    readonly reservations: ReadonlyMap<ReservationId, Reservation>;
  };

type Changed = Change<Stock, CatalogEvent>;

/** `available` counts units that are neither reserved nor sold. */
export type OutOfStock = { readonly type: "out-of-stock"; readonly available: Units };
export type TooMuchStock = { readonly type: "too-much-stock"; readonly onHand: Units };
export type TooManyReservations = {
  readonly type: "too-many-reservations";
  readonly maxReservations: number;
};
/** It was bought, released or never there. */
export type ReservationNotFound = { readonly type: "reservation-not-found" };
export type ReservationExpired = { readonly type: "reservation-expired" };

const available = ({ onHand, reserved }: Stock): Units => (onHand - reserved) as Units;
const keyOf = ({ sku, location }: Stock) => ({ sku, location });

/** The state after events. Counts and reservations only: the version is the log's. */
function replay(stock: Stock, events: readonly CatalogEvent[]): Stock {
  const reservations = new Map(stock.reservations);
  let onHand: number = stock.onHand;
  let reserved: number = stock.reserved;
  for (const { type, payload } of events)
    switch (type) {
      case "catalog.stock-received":
        onHand += payload.quantity;
        break;
      case "catalog.stock-adjusted":
        onHand += payload.by;
        break;
      case "catalog.stock-reserved": {
        const { reservationId: id, quantity, expiresAt, holder } = payload;
        reservations.set(id, { id, quantity, expiresAt, holder });
        reserved += quantity;
        break;
      }
      case "catalog.reservation-committed":
        reservations.delete(payload.reservationId);
        reserved -= payload.quantity;
        onHand -= payload.quantity;
        break;
      case "catalog.reservation-released":
        reservations.delete(payload.reservationId);
        reserved -= payload.quantity;
        break;
      default:
    }
  return { ...stock, onHand: onHand as Units, reserved: reserved as Units, reservations };
}

/** The state follows from the events by the same rule by which it is loaded. */
const changed = (stock: Stock, ...events: readonly CatalogEvent[]): Changed => ({
  state: replay(stock, events),
  events,
});

const released = (stock: Stock, { id, quantity }: Reservation, why: "released" | "expired") =>
  ReservationReleased({ ...keyOf(stock), reservationId: id, quantity, why });

const isExpired = ({ expiresAt }: Reservation, at: Instant) => expiresAt <= at;

function openReservation(
  { reservations }: Stock,
  id: ReservationId,
): Result<Reservation, ReservationNotFound> {
  const reservation = reservations.get(id);
  return reservation ? ok(reservation) : err({ type: "reservation-not-found" });
}

export const Stock = {
  /** Goes up with each change of what `replay` makes of events: older snapshots are worthless. */
  reducer: 1,

  /** Under which name the log keeps its events. */
  streamOf: ({ sku, location }: StockKey): string => `stock/${location}/${sku}`,

  none: ({ sku, location }: StockKey): Stock => ({
    sku,
    location,
    onHand: Units.none,
    reserved: Units.none,
    reservations: new Map(),
    version: Version.none,
  }),

  available,
  replay,

  receive(stock: Stock, quantity: Quantity): Result<Changed, TooMuchStock> {
    if (Units.plus(stock.onHand, quantity) === undefined)
      return err({ type: "too-much-stock", onHand: stock.onHand });
    return ok(changed(stock, StockReceived({ ...keyOf(stock), quantity })));
  },

  /** Corrects the count. Reserved units cannot be removed before they are released. */
  adjust(
    stock: Stock,
    { by, reason }: { readonly by: Adjustment; readonly reason: string },
  ): Result<Changed, OutOfStock | TooMuchStock> {
    if (by > 0 && Units.plus(stock.onHand, by) === undefined)
      return err({ type: "too-much-stock", onHand: stock.onHand });
    if (Units.plus(available(stock), by) === undefined)
      return err({ type: "out-of-stock", available: available(stock) });
    return ok(changed(stock, StockAdjusted({ ...keyOf(stock), by, reason })));
  },

  /** Reserves units. Expired reservations count as released. */
  reserve(
    stock: Stock,
    reservation: Reservation,
    at: Instant,
  ): Result<Changed, OutOfStock | TooManyReservations> {
    const freed = Stock.releaseExpired(stock, at);
    const left = Units.minus(available(freed.state), reservation.quantity);
    if (left === undefined) return err({ type: "out-of-stock", available: available(freed.state) });
    if (freed.state.reservations.size >= maxReservations)
      return err({ type: "too-many-reservations", maxReservations });

    const { id: reservationId, ...kept } = reservation;
    const key = keyOf(stock);
    const exhausted = left === 0 ? [StockExhausted(key)] : [];
    const reserved = StockReserved({ ...key, reservationId, ...kept });
    return ok(changed(stock, ...freed.events, reserved, ...exhausted));
  },

  /** Completes the purchase of a reservation. */
  commit(
    stock: Stock,
    id: ReservationId,
    at: Instant,
  ): Result<Changed, ReservationNotFound | ReservationExpired> {
    const found = openReservation(stock, id);
    if (!found.ok) return found;
    if (isExpired(found.value, at)) return err({ type: "reservation-expired" });
    const { quantity } = found.value;
    const committed = ReservationCommitted({ ...keyOf(stock), reservationId: id, quantity });
    return ok(changed(stock, committed));
  },

  release(stock: Stock, id: ReservationId): Result<Changed, ReservationNotFound> {
    const found = openReservation(stock, id);
    return found.ok ? ok(changed(stock, released(stock, found.value, "released"))) : found;
  },

  releaseExpired(stock: Stock, at: Instant): Changed {
    const expired = [...stock.reservations.values()].filter((open) => isExpired(open, at));
    if (expired.length === 0) return unchanged(stock);
    return changed(stock, ...expired.map((open) => released(stock, open, "expired")));
  },
};

/** A state to begin a replay with. */
export const StockSnapshot = {
  ...shape({ onHand: Units, reservations: list(Reservation, maxReservations) }),
  of: ({ onHand, reservations }: Stock) => ({ onHand, reservations: [...reservations.values()] }),
  open(
    key: StockKey,
    {
      onHand,
      reservations,
    }: { readonly onHand: Units; readonly reservations: readonly Reservation[] },
  ): Stock {
    const reserved = reservations.reduce((sum, { quantity }) => sum + quantity, 0) as Units;
    const byId = new Map(reservations.map((open) => [open.id, open]));
    return { ...Stock.none(key), onHand, reserved, reservations: byId };
  },
};
