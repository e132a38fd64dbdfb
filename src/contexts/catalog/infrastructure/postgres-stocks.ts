import { saving } from "#kernel/repository.ts";
import { LRUCache } from "lru-cache";
import type { Instant } from "#kernel/instant.ts";
import { expect } from "#kernel/result.ts";
import { Version } from "#kernel/version.ts";
import { decoded } from "#platform/events/decoded.ts";
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
import type { OwnerId, ReservationId } from "../domain/ids.ts";
import type { Location } from "../domain/location.ts";
import type { Units } from "../domain/quantity.ts";
import type { Sku } from "../domain/sku.ts";
import { Stock, StockSnapshot, type StockKey } from "../domain/stock.ts";

/**
 * A new snapshot is kept after so many events, or about as many as there are open reservations:
 * what a snapshot costs is shared by more events the larger it is.
 */
const snapshotEvery = 25;
/** Stocks that are remembered, counted with their open reservations. */
const maxRemembered = 100_000;

/** First the snapshot, which has no type, then the events after it. */
type HistoryRow = {
  readonly id: string;
  readonly version: number;
  readonly type: string | null;
  readonly schema_version: number;
  readonly payload: unknown;
};
const history = statement<HistoryRow>(
  "catalog.stock-history",
  `with snapshot as (select version, state from catalog.snapshots where stream = $1 and reducer = $2)
   select e.id, e.version, null as type, 0 as schema_version, s.state as payload
     from snapshot s join catalog.events e on e.stream = $1 and e.version = s.version
   union all
   select id, version, type, schema_version, payload from catalog.events
    where stream = $1 and version > coalesce((select version from snapshot), 0)
   order by version`,
);
/** From the event on that is known to be the last one. */
const since = statement<HistoryRow>(
  "catalog.stock-since",
  `select id, version, type, schema_version, payload from catalog.events
    where stream = $1 and version >= $2 order by version`,
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

type EventRow = Omit<HistoryRow, "id">;

const eventsOf = (rows: readonly EventRow[]): readonly CatalogEvent[] =>
  rows.flatMap(({ type, schema_version: schemaVersion, payload }) =>
    type === null ? [] : [decoded(catalogEvents, { type, schemaVersion, payload })],
  );

/** A stock, and what has happened to it since. Source of the rule: `Stock.replay`. */
function after(stock: Stock, rows: readonly EventRow[]): Stock {
  const last = rows.at(-1);
  if (!last) return stock;
  return { ...Stock.replay(stock, eventsOf(rows)), version: last.version as Version };
}

/** The state that a history leads to. */
export function stockOf(key: StockKey, rows: readonly EventRow[]): Stock {
  const [first] = rows;
  if (first?.type !== null) return after(Stock.none(key), rows);
  const snapshot = StockSnapshot.open(key, expect(StockSnapshot.parse(first.payload)));
  return after({ ...snapshot, version: first.version as Version }, rows.slice(1));
}

const isDue = (before: Version, { version, reservations }: Stock) => {
  const interval = Math.max(snapshotEvery, 2 ** Math.ceil(Math.log2(reservations.size)));
  return Math.floor(version / interval) > Math.floor(before / interval);
};

type Remembered = { readonly stock: Stock; readonly lastEvent: string };

/** Stocks as they were last read: a load then asks only for what has happened since. */
export type StockMemory = LRUCache<string, Remembered>;
export const stockMemory = (): StockMemory =>
  new LRUCache({
    maxSize: maxRemembered,
    sizeCalculation: ({ stock }) => 1 + stock.reservations.size,
  });

/** What is remembered counts while the log still ends in it, or goes on from there. */
const loading = (read: Transaction["read"], memory: StockMemory) => async (key: StockKey) => {
  const stream = Stock.streamOf(key);
  const known = memory.get(stream);
  const [anchor, ...later] = known ? await read(since, [stream, known.stock.version]) : [];
  if (known && anchor?.id === known.lastEvent) {
    const stock = after(known.stock, later);
    memory.set(stream, { stock, lastEvent: later.at(-1)?.id ?? known.lastEvent });
    return stock;
  }
  const rows = await read(history, [stream, Stock.reducer]);
  const stock = stockOf(key, rows);
  const last = rows.at(-1);
  if (last) memory.set(stream, { stock, lastEvent: last.id });
  return stock;
};

export const postgresStocks = (
  { read, write, append }: Transaction,
  memory: StockMemory,
): Stocks => ({
  byKey: loading(read, memory),
  save: saving<Stock, CatalogEvent>(append, Stock.streamOf, (stock, change) => {
    const { sku, location, onHand, reserved, version } = stock;
    write(upsert, [sku, location, onHand, reserved, version]);
    for (const event of change.events) keepRecord(write, event);
    if (isDue(change.state.version, stock)) {
      const state = JSON.stringify(StockSnapshot.of(stock));
      write(keepSnapshot, [Stock.streamOf(stock), version, Stock.reducer, state]);
    }
  }),
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
  readonly expires_at: Instant;
  readonly status: ReservationRecord["status"];
};
const byId = statement<RecordRow>(
  "catalog.reservation-by-id",
  "select id, sku, location, holder, expires_at, status from catalog.reservations where id = $1",
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
        expiresAt: row.expires_at,
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
