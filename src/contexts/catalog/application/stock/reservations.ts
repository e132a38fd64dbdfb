import { type Forbidden, type MayAct, Permission } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Change } from "#kernel/change.ts";
import type { Context } from "#kernel/context.ts";
import { eachDue, type Done, type Slice } from "#kernel/each-due.ts";
import type { Clock, Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import type { CatalogEvent } from "../../domain/events.ts";
import { ReservationId } from "../../domain/ids.ts";
import {
  Stock,
  type ReservationExpired,
  type ReservationNotFound,
  type StockKey,
} from "../../domain/stock.ts";
import { stockLock } from "./stock-lock.ts";
import type { CatalogScope } from "../ports/scope.ts";
import type { ReservationRecord } from "../ports/stock.ts";

export const EndReservation = shape({ reservationId: ReservationId });
export type EndReservation = Infer<typeof EndReservation>;

export const GetReservation = shape({ reservationId: ReservationId });
export type GetReservation = Infer<typeof GetReservation>;

/** It is over: bought, released, or expired. */
export type ReservationEnded = {
  readonly type: "reservation-ended";
  readonly status: "committed" | "released" | "expired";
};

type Deps = {
  readonly unitOfWork: UnitOfWork<CatalogScope>;
  readonly read: Read<CatalogScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};
type Refusal = ReservationNotFound | ReservationEnded | ReservationExpired | Forbidden | Conflict;
type Outcome = Result<void, Refusal>;
type Decide = (
  stock: Stock,
  id: ReservationId,
  at: Instant,
) => Result<Change<Stock, CatalogEvent>, ReservationNotFound | ReservationExpired>;

/** Ends a reservation, for its holder and for callers with the permission. */
const ending =
  (permission: Permission, decide: Decide) =>
  ({ unitOfWork, read, mayAct, clock }: Deps) =>
  async ({ reservationId }: EndReservation, context: Context): Promise<Outcome> => {
    const find = ({ reservations }: CatalogScope) => reservations.byId(reservationId);
    const known = await read(context, find);
    if (!known) return err({ type: "reservation-not-found" });
    const allowed = await mayAct(context, permission, { owner: known.holder });
    if (!allowed.ok) return allowed;

    return unitOfWork(
      context,
      async (scope): Promise<Outcome> => {
        const [record, stock] = await Promise.all([find(scope), scope.stocks.byKey(known)]);
        if (record && record.status !== "open")
          return err({ type: "reservation-ended", status: record.status });
        const decided = decide(stock, reservationId, clock.now());
        if (!decided.ok) return decided;
        scope.stocks.save(decided.value);
        return ok(undefined);
      },
      stockLock(known),
    );
  };

/** Gets a reservation for its holder, or for callers with `reservations:read`. */
export function getReservation({ read, mayAct }: Deps) {
  return async (
    { reservationId }: GetReservation,
    context: Context,
  ): Promise<Result<ReservationRecord, ReservationNotFound | Forbidden>> => {
    const known = await read(context, ({ reservations }) => reservations.byId(reservationId));
    if (!known) return err({ type: "reservation-not-found" });
    const allowed = await mayAct(context, Permissions.readReservation, { owner: known.holder });
    return allowed.ok ? ok(known) : allowed;
  };
}

/** Completes the purchase of reserved units, which leave the stock. */
export const commitReservation = ending(Permissions.commitReservation, Stock.commit);

/** Releases reserved units. */
export const releaseReservation = ending(Permissions.releaseReservation, Stock.release);

/** Releases expired reservations. A stock that fails does not stop the others. */
export function releaseExpired({ unitOfWork, read, clock }: Omit<Deps, "mayAct">) {
  return async ({ stopping }: Slice, context: Context): Promise<Result<Done, never>> => {
    const at = clock.now();
    const release = (key: StockKey) =>
      unitOfWork(
        context,
        async ({ stocks }) => {
          stocks.save(Stock.releaseExpired(await stocks.byKey(key), at));
          return ok(undefined);
        },
        stockLock(key),
      );
    const find = (limit: number) =>
      read(context, ({ reservations }) => reservations.expired(at, limit));
    const keyOf = ({ sku, location }: StockKey) => `${sku} ${location}`;
    return ok(await eachDue({ find, keyOf, act: release, stopping }));
  };
}
