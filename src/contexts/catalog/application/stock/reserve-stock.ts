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

/** Only published products can be reserved. */
export type NotForSale = { readonly type: "not-for-sale" };

type Deps = {
  readonly unitOfWork: UnitOfWork<CatalogScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
};
type Outcome = Result<
  Reserved,
  SkuNotFound | NotForSale | OutOfStock | TooManyReservations | Forbidden | Conflict
>;

/** Reserves units for the actor until they are bought or released, or until the reservation expires. */
export function reserveStock({ unitOfWork, mayAct, clock, newId }: Deps) {
  return async (
    { sku, location = Location.main, quantity, holdS = defaultHoldS as HoldS }: ReserveStock,
    context: Context,
  ): Promise<Outcome> => {
    const allowed = await mayAct(context, Permissions.createReservation);
    if (!allowed.ok) return allowed;
    const holder = OwnerId.parse(context.actor);
    if (!holder.ok) return err({ type: "forbidden", permission: Permissions.createReservation });

    return unitOfWork(
      context,
      async ({ products, stocks }): Promise<Outcome> => {
        const [product, stock] = await Promise.all([
          products.bySku(sku),
          stocks.byKey({ sku, location }),
        ]);
        if (!product || product.status === "draft") return err({ type: "sku-not-found" });
        if (product.status !== "published") return err({ type: "not-for-sale" });

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
      stockLock({ sku, location }),
    );
  };
}
