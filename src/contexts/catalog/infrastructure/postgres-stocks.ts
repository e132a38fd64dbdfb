import type { Instant } from "#kernel/instant.ts";
import { expect } from "#kernel/result.ts";
import { eventSourced } from "#platform/events/event-sourced.ts";
import type { Chore } from "#platform/events/housekeeping.ts";
import { statement, type Database } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { independentMutation, mutation } from "#platform/postgres/writes.ts";
import type {
  Level,
  Levels,
  ReservationRecord,
  Reservations,
  Stocks,
} from "../application/ports/stock.ts";
import { catalogEvents, type CatalogEvent } from "../domain/events.ts";
import type { Quantity } from "../domain/quantity.ts";
import type { OwnerId, ReservationId } from "../domain/ids.ts";
import type { Location } from "../domain/location.ts";
import type { Units } from "../domain/quantity.ts";
import type { Sku } from "../domain/sku.ts";
import { Stock, StockSnapshot, type StockKey } from "../domain/stock.ts";

const upsert = mutation(
  "catalog.stock-upsert",
  "stocks",
  `insert into catalog.stocks (sku, location, on_hand, reserved, version)
   values ($1, $2, $3, $4, $5)
   on conflict (sku, location) do update set on_hand = excluded.on_hand,
     reserved = excluded.reserved, version = excluded.version`,
);
const openReservation = independentMutation(
  "catalog.reservation-open",
  "reservations",
  `insert into catalog.reservations (id, sku, location, holder, expires_at, quantity, status)
   values ($1, $2, $3, $4, $5, $6, 'open')`,
);
const endReservation = independentMutation(
  "catalog.reservation-end",
  "reservations",
  "update catalog.reservations set status = $2 where id = $1",
);

/** Stocks of one database, from their events. What they remember is of that database. */
export function postgresStocks(): (transaction: Transaction) => Stocks {
  const sourced = eventSourced<StockKey, Stock, CatalogEvent>("catalog", {
    ...Stock,
    events: catalogEvents,
    toSnapshot: StockSnapshot.of,
    fromSnapshot: (key, snapshot) => StockSnapshot.open(key, expect(StockSnapshot.parse(snapshot))),
    sizeOf: ({ reservations }) => reservations.size,
  });
  return (transaction) =>
    sourced(transaction, (stock, { events }) => {
      const { sku, location, onHand, reserved, version } = stock;
      transaction.write(upsert, [sku, location, onHand, reserved, version]);
      for (const event of events) keepRecord(transaction.write, event);
    });
}

/** Keeps a row per reservation, so that it can be found by its id. */
function keepRecord(write: Transaction["write"], { type, payload }: CatalogEvent): void {
  if (type === "catalog.stock-reserved") {
    const { reservationId, sku, location, holder, expiresAt, quantity } = payload;
    write(openReservation, [reservationId, sku, location, holder, expiresAt, quantity]);
  }
  if (type === "catalog.reservation-committed")
    write(endReservation, [payload.reservationId, "committed"]);
  if (type === "catalog.reservation-released")
    write(endReservation, [payload.reservationId, payload.why]);
}

type RecordRow = {
  readonly id: string;
  readonly sku: string;
  readonly location: string;
  readonly holder: string;
  readonly quantity: number | null;
  readonly expires_at: Instant;
  readonly status: ReservationRecord["status"];
};
const byId = statement<RecordRow>(
  "catalog.reservation-by-id",
  "select id, sku, location, holder, quantity, expires_at, status from catalog.reservations where id = $1",
);
const countOpenOf = statement<{ readonly n: number }>(
  "catalog.reservations-of-holder",
  `select count(*) as n from (
     select from catalog.reservations where holder = $1 and status = 'open' limit $2) as held`,
);
const expired = statement<{ readonly sku: string; readonly location: string }>(
  "catalog.reservations-expired",
  `select sku, location from catalog.reservations
    where status = 'open' and expires_at <= $1
    group by sku, location order by random() limit $2`,
);

export const postgresReservations = ({ read }: Transaction): Reservations => ({
  async byId(id) {
    const [row] = await read(byId, [id]);
    return (
      row && {
        id: row.id as ReservationId,
        sku: row.sku as Sku,
        location: row.location as Location,
        holder: row.holder as OwnerId,
        ...(row.quantity === null ? {} : { quantity: row.quantity as Quantity }),
        expiresAt: row.expires_at,
        status: row.status,
      }
    );
  },
  async countOpenOf(holder, limit) {
    const [row] = await read(countOpenOf, [holder, limit]);
    return row?.n ?? 0;
  },
  async expired(at: Instant, limit) {
    return (await read(expired, [at, limit])).map(({ sku, location }) => ({
      sku: sku as Sku,
      location: location as Location,
    }));
  },
});

const endedDays = 30;
const forget = statement<{ readonly n: number }>(
  "catalog.reservations-forget",
  `with gone as (
     delete from catalog.reservations where id in
       (select id from catalog.reservations
         where status <> 'open' and expires_at < now() - interval '${endedDays} days' limit $1)
     returning id)
   select count(*) as n from gone`,
);

/** Deletes the rows of reservations that ended long ago. Their events stay in the log. */
export const forgetReservations =
  (database: Database): Chore =>
  async (limit) =>
    (await database.query(forget, [limit]))[0]?.n ?? 0;

export type LevelRow = {
  readonly sku: string;
  readonly location: string;
  readonly on_hand: number;
  readonly reserved: number;
};
const ofSkus = statement<LevelRow>(
  "catalog.levels-of-skus",
  `select sku, location, on_hand, reserved from catalog.stocks
    where sku = any($1::text[]) order by sku, location`,
);

const levelPage = statement<LevelRow>(
  "catalog.level-page",
  `select sku, location, on_hand, reserved from catalog.stocks
    where (sku, location) > ($1, $2) order by sku, location limit $3`,
);

export const toLevel = ({ sku, location, on_hand, reserved }: LevelRow): Level => ({
  sku: sku as Sku,
  location: location as Location,
  onHand: on_hand as Units,
  reserved: reserved as Units,
  available: (on_hand - reserved) as Units,
});

export const postgresLevels = ({ read }: Transaction): Levels => ({
  of: async (skus) => (await read(ofSkus, [skus])).map(toLevel),
  page: async (after, limit) =>
    (await read(levelPage, [after?.sku ?? "", after?.location ?? "", limit])).map(toLevel),
});
