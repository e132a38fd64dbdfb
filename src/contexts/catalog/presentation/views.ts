import { Instant } from "#kernel/instant.ts";
import { Money, SpelledMoney } from "#kernel/money.ts";
import {
  branded,
  list,
  oneOf,
  optional,
  named,
  shape,
  type Infer,
  type Value,
} from "#kernel/shape.ts";
import { ProductPageSize } from "../application/products/list-products.ts";
import type { Level } from "../application/ports/stock.ts";
import type { Part } from "../application/ports/product-page.ts";
import type { ProductPage } from "../application/products/get-product.ts";
import { Details } from "../domain/details.ts";
import { OwnerId, PriceId, ProductId } from "../domain/ids.ts";
import { Location } from "../domain/location.ts";
import { PriceList } from "../domain/price-list.ts";
import type { Price } from "../domain/price.ts";
import type { PresentProduct } from "../domain/product.ts";
import { Quantity, Units } from "../domain/quantity.ts";
import { Sku } from "../domain/sku.ts";

/** Rows of one answer: a product has so many skus, each in so many places or lists. */
const maxRows = 10_000;

const described = {
  id: ProductId,
  ownerId: optional(OwnerId),
  status: oneOf("draft", "published", "archived"),
  ...Details.fields,
  createdAt: Instant,
  publishedAt: optional(Instant),
  archivedAt: optional(Instant),
};
export const ProductView = named("Product", shape(described));

export const LevelView = named(
  "Level",
  shape({
    sku: Sku,
    location: Location,
    onHand: Units,
    reserved: Units,
    available: Units,
  }),
);

export const PriceView = named(
  "Price",
  shape({
    id: PriceId,
    sku: Sku,
    list: PriceList,
    minimumQuantity: Quantity,
    price: SpelledMoney,
    validFrom: Instant,
    validUntil: optional(Instant),
  }),
);

/** `live`, or `stale` with its age in milliseconds, or `unavailable` without items. */
const partOf = <T>(item: Value<T>) =>
  shape({
    status: oneOf("live", "stale", "unavailable"),
    ageMs: optional(branded<number>("age", { schema: { type: "integer", minimum: 0 } })),
    items: optional(list(item, maxRows)),
  });

export const ProductPageView = named(
  "ProductPage",
  shape({
    ...described,
    stock: partOf(LevelView),
    prices: partOf(PriceView),
  }),
);
export const ProductListView = named(
  "ProductList",
  shape({
    items: list(ProductView, ProductPageSize.most),
    nextCursor: optional(ProductId),
  }),
);
export const LevelsView = named("Levels", shape({ items: list(LevelView, maxRows) }));
export const PricesView = named("Prices", shape({ items: list(PriceView, maxRows) }));
export const toProduct = (product: PresentProduct): Infer<typeof ProductView> => {
  const { version: _, details, ...rest } = product;
  return { ...rest, ...details };
};

export const toPrice = ({ price, ...terms }: Price): Infer<typeof PriceView> => ({
  ...terms,
  price: Money.spell(price),
});

function toPart<T, View>(part: Part<readonly T[]>, view: (item: T) => View) {
  if (part.status === "unavailable") return { status: part.status };
  const items = part.value.map(view);
  return part.status === "live"
    ? { status: part.status, items }
    : { status: part.status, ageMs: part.ageMs, items };
}

const toLevel = (level: Level): Infer<typeof LevelView> => level;

export const toPage = ({ product, stock, prices }: ProductPage): Infer<typeof ProductPageView> => ({
  ...toProduct(product),
  stock: toPart(stock, toLevel),
  prices: toPart(prices, toPrice),
});
