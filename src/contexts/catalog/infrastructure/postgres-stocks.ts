import { saved } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import { expect } from "#kernel/result.ts";
import { Version } from "#kernel/version.ts";
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
} from "../application/ports.ts";
import { catalogEvents, type CatalogEvent } from "../domain/events.ts";
import type { OwnerId, ReservationId } from "../domain/ids.ts";
import type { Location } from "../domain/location.ts";
import type { Units } from "../domain/quantity.ts";
import type { Sku } from "../domain/sku.ts";
import { Stock, StockSnapshot, type StockKey } from "../domain/stock.ts";

/** Events after which a new snapshot is kept: a load reads so many at most. */
const snapshotEvery = 25;

/** First the snapshot, which has no type, then the events after it. */
type HistoryRow = {
  readonly version: number;
  readonly type: string | null;
  readonly schema_version: number;
  readonly payload: unknown;
};
const history = statement<HistoryRow>(
  "catalog.stock-history",
  `with snapshot as (select version, state from catalog.snapshots where stream = $1 and reducer = $2)
   select version, null as type, 0 as schema_version, state as payload from snapshot
   union all
   select version, type, schema_version, payload from catalog.events
    where stream = $1 and version > coalesce((select version from snapshot), 0)
   order by version`,
);
const keepSnapshot = mutation(
  "catalog.snapshot-upsert",
  "snapshots",
  `insert into catalog.snapshots (stream, version, reducer, state) values ($1, $2, $3, $4)
   on conflict (stream) do update set version = excluded.version, reducer = excluded.reducer,
     state = excluded.state`,
);
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
  `insert into catalog.reservations (id, sku, location, holder, expires_at, status)
   values ($1, $2, $3, $4, $5, 'open')`,
);
const endReservation = independentMutation(
  "catalog.reservation-end",
  "reservations",
  "update catalog.reservations set status = $2 where id = $1",
);

/** The state that a history leads to. Source of the rule: `Stock.replay`. */
export function stockOf(key: StockKey, rows: readonly HistoryRow[]): Stock {
  const [first] = rows;
  const begun =
    first?.type === null
      ? StockSnapshot.open(key, expect(StockSnapshot.parse(first.payload)))
      : Stock.none(key);
  const events = rows.flatMap(({ type, schema_version: schemaVersion, payload }) =>
    type === null ? [] : [expect(catalogEvents.decode({ type, schemaVersion, payload }))],
  );
  const version = (rows.at(-1)?.version ?? 0) as Version;
  return { ...Stock.replay(begun, events), version };
}

const isDue = (before: Version, after: Version) =>
  Math.floor(after / snapshotEvery) > Math.floor(before / snapshotEvery);

export const postgresStocks = ({ read, write, append }: Transaction): Stocks => ({
  async byKey(key) {
    return stockOf(key, await read(history, [Stock.streamOf(key), Stock.reducer]));
  },
  save(change) {
    const stock = saved(change);
    if (change.events.length === 0) return stock;
    const { sku, location, onHand, reserved, version } = stock;
    const stream = Stock.streamOf(stock);
    write(upsert, [sku, location, onHand, reserved, version]);
    for (const event of change.events) keepRecord(write, event);
    if (isDue(change.state.version, version)) {
      const state = JSON.stringify(StockSnapshot.of(stock));
      write(keepSnapshot, [stream, version, Stock.reducer, state]);
    }
    append(stream, change.state.version, change.events);
    return stock;
  },
});

/** Where a reservation is, for who knows only its id. */
function keepRecord(write: Transaction["write"], { type, payload }: CatalogEvent): void {
  if (type === "catalog.stock-reserved") {
    const { reservationId, sku, location, holder, expiresAt } = payload;
    write(openReservation, [reservationId, sku, location, holder, expiresAt]);
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
  readonly status: ReservationRecord["status"];
};
const byId = statement<RecordRow>(
  "catalog.reservation-by-id",
  "select id, sku, location, holder, status from catalog.reservations where id = $1",
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
        status: row.status,
      }
    );
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

/** Deletes what is known of reservations that were over long ago; the log keeps their events. */
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

export const toLevel = ({ sku, location, on_hand, reserved }: LevelRow): Level => ({
  sku: sku as Sku,
  location: location as Location,
  onHand: on_hand as Units,
  reserved: reserved as Units,
  available: (on_hand - reserved) as Units,
});

export const postgresLevels = ({ read }: Transaction): Levels => ({
  of: async (skus) => (await read(ofSkus, [skus])).map(toLevel),
});
