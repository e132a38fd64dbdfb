import type { MayAct } from "#kernel/permission.ts";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { Currency } from "#kernel/money.ts";
import { ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { ProductId } from "../../domain/ids.ts";
import { PriceList } from "../../domain/price-list.ts";
import type { Price } from "../../domain/price.ts";
import { Product, type PresentProduct, type ProductNotFound } from "../../domain/product.ts";
import type { CurrentPrices, Part, StockLevels } from "../ports/product-page.ts";
import type { CatalogScope } from "../ports/scope.ts";
import type { Level } from "../ports/stock.ts";
import { seenBy } from "./visibility.ts";

/** The time limit of a product page. Late parts are answered from the cache. */
const pageMs = 250;

/** Prices of one currency and one list, where said. */
export const GetProduct = shape({
  productId: ProductId,
  currency: optional(Currency),
  list: optional(PriceList),
});

export type GetProduct = Infer<typeof GetProduct>;

export type ProductPage = {
  readonly product: PresentProduct;
  readonly stock: Part<readonly Level[]>;
  readonly prices: Part<readonly Price[]>;
};

type Deps = {
  readonly read: Read<CatalogScope>;
  readonly mayAct: MayAct;
  readonly stockLevels: StockLevels;
  readonly currentPrices: CurrentPrices;
  readonly clock: Clock;
};

/** A product with its stock and its prices: asked for at once, under one deadline. */
export function getProduct({ read, mayAct, stockLevels, currentPrices, clock }: Deps) {
  const seen = seenBy(mayAct);
  return async (
    { productId, currency, list }: GetProduct,
    asked: Context,
  ): Promise<Result<ProductPage, ProductNotFound>> => {
    const deadlineMs = Math.min(asked.deadlineMs, clock.unixMs() + pageMs);
    const context = { ...asked, deadlineMs };
    const product = read(context, ({ products }) => products.byId(productId));
    const skus = async () => {
      const known = await product;
      return known ? Product.skusOf(known) : [];
    };
    const wanted = { productId, skus };
    const [found, stock, prices] = await Promise.all([
      product,
      stockLevels(wanted, context),
      currentPrices({ ...wanted, at: clock.now(), filter: { currency, list } }, context),
    ]);
    const visible = await seen(found, context);
    return visible.ok ? ok({ product: visible.value, stock, prices }) : visible;
  };
}
