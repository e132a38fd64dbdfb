import { Count, Flag, text } from "#kernel/scalars.ts";
import { Instant } from "#kernel/instant.ts";
import { Money, SpelledMoney } from "#kernel/money.ts";
import { branded, list, oneOf, optional, shape, type Infer, type Value } from "#kernel/shape.ts";
import { Version } from "#kernel/version.ts";
import { ProductPageSize } from "../application/products/list-products.ts";
import type { Found, Hit } from "../application/ports/search.ts";
import type { Level } from "../application/ports/stock.ts";
import type { Part } from "../application/ports/product-page.ts";
import { HitPageSize, maxSearchWords } from "../application/search/search-products.ts";
import type { ProductPage } from "../application/products/get-product.ts";
import { Attribute, Details, Slug, Title } from "../domain/details.ts";
import { CategoryId, OwnerId, PriceId, ProductId } from "../domain/ids.ts";
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
export const ProductView = shape(described);

export const LevelView = shape({
  sku: Sku,
  location: Location,
  onHand: Units,
  reserved: Units,
  available: Units,
});

export const PriceView = shape({
  id: PriceId,
  sku: Sku,
  list: PriceList,
  minimumQuantity: Quantity,
  price: SpelledMoney,
  validFrom: Instant,
  validUntil: optional(Instant),
});

/** `live`, or `stale` with its age in milliseconds, or `unavailable` without items. */
const partOf = <T>(item: Value<T>) =>
  shape({
    status: oneOf("live", "stale", "unavailable"),
    ageMs: optional(branded<number>("age", { schema: { type: "integer", minimum: 0 } })),
    items: optional(list(item, maxRows)),
  });

export const ProductPageView = shape({
  ...described,
  stock: partOf(LevelView),
  prices: partOf(PriceView),
});
export const ProductListView = shape({
  items: list(ProductView, ProductPageSize.most),
  nextCursor: optional(ProductId),
});
export const LevelsView = shape({ items: list(LevelView, maxRows) });
export const PricesView = shape({ items: list(PriceView, maxRows) });
export const CategoryView = shape({
  id: CategoryId,
  name: Title,
  slug: Slug,
  parentId: optional(CategoryId),
  version: Version,
});
export const CategoriesView = shape({ items: list(CategoryView, maxRows) });

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

const Word = text(64);

const HitView = shape({
  id: ProductId,
  ...Details.fields,
  publishedAt: Instant,
  inStock: Flag,
  price: optional(SpelledMoney),
});
/** `instead`: words that no product has, and what was searched for in their place. */
export const FoundView = shape({
  items: list(HitView, HitPageSize.most),
  nextCursor: optional(ProductId),
  instead: list(shape({ word: Word, words: list(Word, 10) }), maxSearchWords),
  facets: optional(
    shape({
      products: Count,
      isComplete: Flag,
      inStock: Count,
      categories: list(shape({ categoryId: CategoryId, products: Count }), maxRows),
      attributes: list(shape({ ...Attribute.fields, products: Count }), maxRows),
    }),
  ),
});

const toHit = ({ details, price, ...hit }: Hit): Infer<typeof HitView> => ({
  ...hit,
  ...details,
  ...(price ? { price: Money.spell(price) } : {}),
});

export const toFound = ({ items, ...found }: Found): Infer<typeof FoundView> => ({
  ...found,
  items: items.map(toHit),
});

const toLevel = (level: Level): Infer<typeof LevelView> => level;

export const toPage = ({ product, stock, prices }: ProductPage): Infer<typeof ProductPageView> => ({
  ...toProduct(product),
  stock: toPart(stock, toLevel),
  prices: toPart(prices, toPrice),
});
