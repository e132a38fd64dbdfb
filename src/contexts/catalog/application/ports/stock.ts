import type { Saves } from "#kernel/repository.ts";
import type { CatalogEvent } from "../../domain/events.ts";
import type { Instant } from "#kernel/instant.ts";
import type { OwnerId, ReservationId } from "../../domain/ids.ts";
import type { Location } from "../../domain/location.ts";
import type { Quantity, Units } from "../../domain/quantity.ts";
import type { Sku } from "../../domain/sku.ts";
import type { Stock, StockKey } from "../../domain/stock.ts";

export type Stocks = Saves<Stock, CatalogEvent> & {
  /** The stock of a key; an empty one before its first event. */
  readonly byKey: (key: StockKey) => Promise<Stock>;
};

/** The location of a reservation and its status. */
export type ReservationRecord = StockKey & {
  readonly id: ReservationId;
  readonly holder: OwnerId;
  /** Missing of those from before it was kept. */
  readonly quantity?: Quantity;
  readonly expiresAt: Instant;
  readonly status: "open" | "committed" | "released" | "expired";
};

export type Reservations = {
  readonly byId: (id: ReservationId) => Promise<ReservationRecord | undefined>;
  /** How many open ones somebody holds; no more than `limit` are counted. */
  readonly countOpenOf: (holder: OwnerId, limit: number) => Promise<number>;
  /** Stocks with open reservations that have expired. */
  readonly expired: (at: Instant, limit: number) => Promise<readonly StockKey[]>;
};

/** How many units of a sku there are at a location. */
export type Level = {
  readonly sku: Sku;
  readonly location: Location;
  readonly onHand: Units;
  readonly reserved: Units;
  readonly available: Units;
};

export type Levels = {
  readonly of: (skus: readonly Sku[]) => Promise<readonly Level[]>;
  /** In the order of sku and location, after one of them. */
  readonly page: (after: StockKey | undefined, limit: number) => Promise<readonly Level[]>;
};
