import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { Currency, Money } from "#kernel/money.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { commaSeparated, optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { maxSkus } from "../../domain/details.ts";
import { PriceId, ProductId } from "../../domain/ids.ts";
import { PriceList } from "../../domain/price-list.ts";
import {
  Prices,
  type Price,
  type PriceInvalid,
  type PriceNotFound,
  type PriceOverlaps,
} from "../../domain/price.ts";
import { Product, type ProductNotFound } from "../../domain/product.ts";
import { Quantity } from "../../domain/quantity.ts";
import { Sku } from "../../domain/sku.ts";
import type { SkuNotFound } from "../stock/stock-lock.ts";
import { seenBy } from "../products/visibility.ts";
import type { CatalogScope } from "../ports/scope.ts";

/** Of one unit, if so many are bought; of the standard list, from now on, unless said. */
export const SetPrice = shape({
  productId: ProductId,
  sku: Sku,
  price: Money,
  list: optional(PriceList),
  minimumQuantity: optional(Quantity),
  validFrom: optional(Instant),
  validUntil: optional(Instant),
});
export type SetPrice = Infer<typeof SetPrice>;

/** Now, unless said. */
export const EndPrice = shape({ priceId: PriceId, validUntil: optional(Instant) });
export type EndPrice = Infer<typeof EndPrice>;

/** `at` is the instant of the prices, now by default. */
export const ListPrices = shape({
  productId: ProductId,
  at: optional(Instant),
  currency: optional(Currency),
  list: optional(PriceList),
});
export type ListPrices = Infer<typeof ListPrices>;

export const ListPricesOfSkus = shape({
  skus: commaSeparated(Sku, maxSkus),
  at: optional(Instant),
  currency: optional(Currency),
  list: optional(PriceList),
});
export type ListPricesOfSkus = Infer<typeof ListPricesOfSkus>;

type Deps = {
  readonly unitOfWork: UnitOfWork<CatalogScope>;
  readonly read: Read<CatalogScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
};

const one = 1 as Quantity;

/** Sets the price of a sku. */
export function setPrice({ unitOfWork, mayAct, clock, newId }: Deps) {
  const seen = seenBy(mayAct);
  type Outcome = Result<
    Price,
    ProductNotFound | SkuNotFound | PriceOverlaps | PriceInvalid | Forbidden | Conflict
  >;
  return async (
    { productId, sku, price, list, minimumQuantity, validFrom, validUntil }: SetPrice,
    context: Context,
  ): Promise<Outcome> => {
    const allowed = await mayAct(context, Permissions.changePrices);
    if (!allowed.ok) return allowed;
    return unitOfWork(context, async ({ products, prices }): Promise<Outcome> => {
      const now = clock.now();
      const from = validFrom ?? now;
      const [found, known] = await Promise.all([products.byId(productId), prices.bySku(sku, from)]);
      const product = await seen(found, context);
      if (!product.ok) return product;
      if (!Product.skusOf(product.value).includes(sku)) return err({ type: "sku-not-found" });

      const wanted: Price = {
        id: newId(PriceId),
        sku,
        price,
        validFrom: from,
        list: list ?? PriceList.standard,
        minimumQuantity: minimumQuantity ?? one,
        ...(validUntil === undefined ? {} : { validUntil }),
      };
      const set = Prices.set(known, wanted, now);
      if (!set.ok) return set;
      prices.save(set.value);
      return ok(wanted);
    });
  };
}

/** Ends a price, or withdraws one that has not begun. */
export function endPrice({ unitOfWork, mayAct, clock }: Deps) {
  type Outcome = Result<void, PriceNotFound | PriceInvalid | Forbidden | Conflict>;
  return async ({ priceId, validUntil }: EndPrice, context: Context): Promise<Outcome> => {
    const allowed = await mayAct(context, Permissions.changePrices);
    if (!allowed.ok) return allowed;
    return unitOfWork(context, async ({ prices }): Promise<Outcome> => {
      const sku = await prices.skuOf(priceId);
      if (!sku) return err({ type: "price-not-found" });
      const now = clock.now();
      const known = await prices.bySku(sku, now);
      const ended = Prices.end(known, priceId, { until: validUntil ?? now, now });
      if (!ended.ok) return ended;
      prices.save(ended.value);
      return ok(undefined);
    });
  };
}

/** Lists the prices of a product's skus at an instant. */
export function listPrices({ read, mayAct, clock }: Deps) {
  const seen = seenBy(mayAct);
  return async (
    { productId, at, ...filter }: ListPrices,
    context: Context,
  ): Promise<Result<readonly Price[], ProductNotFound>> =>
    read(context, async ({ products, prices }) => {
      const product = await seen(await products.byId(productId), context);
      if (!product.ok) return product;
      return ok(await prices.at(Product.skusOf(product.value), at ?? clock.now(), filter));
    });
}

/** Lists the prices of several skus at an instant. Hidden products have none. */
export function listPricesOfSkus({ read, clock }: Pick<Deps, "read" | "clock">) {
  return async (
    { skus, at, ...filter }: ListPricesOfSkus,
    context: Context,
  ): Promise<Result<readonly Price[], never>> =>
    read(context, async ({ products, prices }) => {
      const [shown, found] = await Promise.all([
        products.shown(skus),
        prices.at(skus, at ?? clock.now(), filter),
      ]);
      return ok(found.filter(({ sku }) => shown.includes(sku)));
    });
}
