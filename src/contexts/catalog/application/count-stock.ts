import type { Context } from "#kernel/context.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { branded, commaSeparated, optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { maxSkus } from "../domain/details.ts";
import { Location } from "../domain/location.ts";
import { Adjustment, Quantity } from "../domain/quantity.ts";
import { Sku } from "../domain/sku.ts";
import { Stock, type OutOfStock, type StockKey, type TooMuchStock } from "../domain/stock.ts";
import { Permission } from "./permission.ts";
import type { CatalogScope, Forbidden, Level, MayAct } from "./ports.ts";

const Reason = branded<string>("reason", {
  schema: { type: "string", minLength: 1, maxLength: 200 },
  parse: (input) => input.trim(),
});

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

/** No product has this sku. */
export type SkuNotFound = { readonly type: "sku-not-found" };

type Deps = { readonly unitOfWork: UnitOfWork<CatalogScope>; readonly mayAct: MayAct };

/** Whoever changes a stock waits for the others: on a hot sku, losing races would be the rule. */
export const stockLock = ({ sku, location }: StockKey) => ({
  lock: [`catalog.stock/${location}/${sku}`],
});

export const levelOf = (stock: Stock): Level => ({
  sku: stock.sku,
  location: stock.location,
  onHand: stock.onHand,
  reserved: stock.reserved,
  available: Stock.available(stock),
});

/** Adds what has arrived. */
export function receiveStock({ unitOfWork, mayAct }: Deps) {
  type Outcome = Result<Level, SkuNotFound | TooMuchStock | Forbidden | Conflict>;
  return async (
    { sku, location = Location.main, quantity }: ReceiveStock,
    context: Context,
  ): Promise<Outcome> => {
    const allowed = await mayAct(context, Permission.receiveStock);
    if (!allowed.ok) return allowed;
    return unitOfWork(
      context,
      async ({ products, stocks }): Promise<Outcome> => {
        const [product, stock] = await Promise.all([
          products.bySku(sku),
          stocks.byKey({ sku, location }),
        ]);
        if (!product) return err({ type: "sku-not-found" });
        const received = Stock.receive(stock, quantity);
        return received.ok ? ok(levelOf(stocks.save(received.value))) : received;
      },
      stockLock({ sku, location }),
    );
  };
}

/** Corrects what was counted wrongly, was lost or broken. */
export function adjustStock({ unitOfWork, mayAct }: Deps) {
  type Outcome = Result<Level, SkuNotFound | OutOfStock | TooMuchStock | Forbidden | Conflict>;
  return async (
    { sku, location = Location.main, by, reason }: AdjustStock,
    context: Context,
  ): Promise<Outcome> => {
    const allowed = await mayAct(context, Permission.adjustStock);
    if (!allowed.ok) return allowed;
    return unitOfWork(
      context,
      async ({ products, stocks }): Promise<Outcome> => {
        const [product, stock] = await Promise.all([
          products.bySku(sku),
          stocks.byKey({ sku, location }),
        ]);
        if (!product && by > 0) return err({ type: "sku-not-found" });
        const adjusted = Stock.adjust(stock, { by, reason });
        return adjusted.ok ? ok(levelOf(stocks.save(adjusted.value))) : adjusted;
      },
      stockLock({ sku, location }),
    );
  };
}

/** What there is of a sku, by location. */
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

/** What there is of several skus; nothing of those that are not shown. */
export function listStock({ read }: { readonly read: Read<CatalogScope> }) {
  return async ({ skus }: ListStock, context: Context): Promise<Result<readonly Level[], never>> =>
    read(context, async ({ products, levels }) => {
      const [shown, found] = await Promise.all([products.shown(skus), levels.of(skus)]);
      return ok(found.filter(({ sku }) => shown.includes(sku)));
    });
}
