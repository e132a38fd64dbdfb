import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { branded, optional, shape, type Brand, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { OwnerId, ReservationId } from "../../domain/ids.ts";
import { Location } from "../../domain/location.ts";
import { Quantity } from "../../domain/quantity.ts";
import { Sku } from "../../domain/sku.ts";
import { Stock, type OutOfStock, type TooManyReservations } from "../../domain/stock.ts";
import { stockLock, type SkuNotFound } from "./stock-lock.ts";
import type { CatalogScope } from "../ports/scope.ts";

/** For how many seconds a reservation holds. */
type HoldS = Brand<number, "HoldS">;
const HoldS = branded<HoldS>("number of seconds", {
  schema: { type: "integer", minimum: 1, maximum: 86_400 },
});
const defaultHoldS = 900;
const secondMs = 1_000;

/** Without a location: the main one. */
export const ReserveStock = shape({
  sku: Sku,
  location: optional(Location),
  quantity: Quantity,
  holdS: optional(HoldS),
});
export type ReserveStock = Infer<typeof ReserveStock>;

export type Reserved = {
  readonly id: ReservationId;
  readonly sku: Sku;
  readonly location: Location;
  readonly quantity: Quantity;
  readonly expiresAt: Instant;
};

/** Reservations and units of somebody who may not reserve for many. */
export type HolderLimits = { readonly reservations: number; readonly units: number };
/** The actor holds as many as one user may, or asks for more units than that. */
export type HolderLimitReached = { readonly type: "holder-limit-reached" } & HolderLimits;

type Deps = {
  readonly holderLimits: HolderLimits;
  readonly unitOfWork: UnitOfWork<CatalogScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
};
type Outcome = Result<
  Reserved,
  SkuNotFound | OutOfStock | TooManyReservations | HolderLimitReached | Forbidden | Conflict
>;

/** Reserves units for the actor until they are bought or released, or until the reservation expires. */
export function reserveStock({ unitOfWork, mayAct, clock, newId, holderLimits }: Deps) {
  const limitReached = err<HolderLimitReached>({ type: "holder-limit-reached", ...holderLimits });
  return async (
    { sku, location = Location.main, quantity, holdS = defaultHoldS as HoldS }: ReserveStock,
    context: Context,
  ): Promise<Outcome> => {
    const allowed = await mayAct(context, Permissions.createReservation);
    if (!allowed.ok) return allowed;
    const holder = OwnerId.parse(context.actor);
    if (!holder.ok) return err({ type: "forbidden", permission: Permissions.createReservation });

    const { ok: isForMany } = await mayAct(context, Permissions.createManyReservations);
    const most = isForMany ? undefined : holderLimits.reservations;
    if (!isForMany && quantity > holderLimits.units) return limitReached;

    const { lock } = stockLock({ sku, location });
    return unitOfWork(
      context,
      async ({ products, stocks, reservations }): Promise<Outcome> => {
        const [product, stock, held] = await Promise.all([
          products.bySku(sku),
          stocks.byKey({ sku, location }),
          most === undefined ? 0 : reservations.countOpenOf(holder.value, most),
        ]);
        if (product?.status !== "published") return err({ type: "sku-not-found" });
        if (held === most) return limitReached;

        const at = clock.now();
        const expiresAt = Instant.plus(at, holdS * secondMs);
        const reservation = {
          id: newId(ReservationId),
          quantity,
          expiresAt,
          holder: holder.value,
        };
        const reserved = Stock.reserve(stock, reservation, at);
        if (!reserved.ok) return reserved;
        stocks.save(reserved.value);
        return ok({ id: reservation.id, sku, location, quantity, expiresAt });
      },
      { lock: isForMany ? lock : [...lock, `catalog.holder/${holder.value}`] },
    );
  };
}
