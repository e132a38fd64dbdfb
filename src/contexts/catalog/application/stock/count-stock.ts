import { type Forbidden, type MayAct, Permission } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Change } from "#kernel/change.ts";
import type { Context } from "#kernel/context.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { line } from "#kernel/line.ts";
import { commaSeparated, optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { maxSkus } from "../../domain/details.ts";
import type { CatalogEvent } from "../../domain/events.ts";
import { Location } from "../../domain/location.ts";
import { Adjustment, Quantity } from "../../domain/quantity.ts";
import { Sku } from "../../domain/sku.ts";
import { Stock } from "../../domain/stock.ts";
import type { CatalogScope } from "../ports/scope.ts";
import type { Level } from "../ports/stock.ts";
import { levelOf, stockLock, type SkuNotFound } from "./stock-lock.ts";

const Reason = line<string>("reason", { min: 1, max: 200 });

/** Without a location: the main one. */
export const ReceiveStock = shape({
  sku: Sku,
  location: optional(Location),
  quantity: Quantity,
});

export type ReceiveStock = Infer<typeof ReceiveStock>;

/** `by`: so many more, or fewer. */
export const AdjustStock = shape({
  sku: Sku,
  location: optional(Location),
  by: Adjustment,
  reason: Reason,
});

export type AdjustStock = Infer<typeof AdjustStock>;

export const GetStock = shape({ sku: Sku });

export type GetStock = Infer<typeof GetStock>;

export const ListStock = shape({ skus: commaSeparated(Sku, maxSkus) });

export type ListStock = Infer<typeof ListStock>;

type Deps = { readonly unitOfWork: UnitOfWork<CatalogScope>; readonly mayAct: MayAct };

type Wanted = { readonly sku: Sku; readonly location?: Location };

/** A change of stock. Adding units requires a product that has the sku. */
const counting =
  <Input extends Wanted, E>(
    permission: Permission,
    decide: (stock: Stock, input: Input) => Result<Change<Stock, CatalogEvent>, E>,
    adds: (input: Input) => boolean,
  ) =>
  ({ unitOfWork, mayAct }: Deps) => {
    type Outcome = Result<Level, E | SkuNotFound | Forbidden | Conflict>;
    return async (input: Input, context: Context): Promise<Outcome> => {
      const allowed = await mayAct(context, permission);
      if (!allowed.ok) return allowed;
      const { sku, location = Location.main } = input;
      return unitOfWork(
        context,
        async ({ products, stocks }): Promise<Outcome> => {
          const [product, stock] = await Promise.all([
            products.bySku(sku),
            stocks.byKey({ sku, location }),
          ]);
          if (!product && adds(input)) return err({ type: "sku-not-found" });
          const decided = decide(stock, input);
          return decided.ok ? ok(levelOf(stocks.save(decided.value))) : decided;
        },
        stockLock({ sku, location }),
      );
    };
  };

/** Adds units that have arrived. */
export const receiveStock = counting(
  Permissions.receiveStock,
  (stock, { quantity }: ReceiveStock) => Stock.receive(stock, quantity),
  () => true,
);

/** Corrects the count of units that were miscounted, lost or broken. */
export const adjustStock = counting(
  Permissions.adjustStock,
  (stock, { by, reason }: AdjustStock) => Stock.adjust(stock, { by, reason }),
  ({ by }) => by > 0,
);

/** Gets the stock of a sku by location. */
export function getStock({ read }: { readonly read: Read<CatalogScope> }) {
  return async (
    { sku }: GetStock,
    context: Context,
  ): Promise<Result<readonly Level[], SkuNotFound>> =>
    read(context, async ({ products, levels }) => {
      const [shown, found] = await Promise.all([products.shown([sku]), levels.of([sku])]);
      return shown.length > 0 ? ok(found) : err({ type: "sku-not-found" });
    });
}

/** Lists the stock of several skus. Hidden products have none. */
export function listStock({ read }: { readonly read: Read<CatalogScope> }) {
  return async ({ skus }: ListStock, context: Context): Promise<Result<readonly Level[], never>> =>
    read(context, async ({ products, levels }) => {
      const [shown, found] = await Promise.all([products.shown(skus), levels.of(skus)]);
      return ok(found.filter(({ sku }) => shown.includes(sku)));
    });
}
