import { get, type Route } from "#platform/http/route.ts";
import {
  SearchProducts,
  HitPageSize,
  maxSearchWords,
} from "../application/search/search-products.ts";
import type { Catalog } from "../index.ts";
import { Count, Flag, text } from "#kernel/scalars.ts";
import { Instant } from "#kernel/instant.ts";
import { Money, SpelledMoney } from "#kernel/money.ts";
import { list, optional, named, shape, type Infer } from "#kernel/shape.ts";
import type { Found, Hit } from "../application/ports/search.ts";
import { Attribute, Details } from "../domain/details.ts";
import { CategoryId, ProductId } from "../domain/ids.ts";

/** Facets of one answer. */
const maxRows = 10_000;

const Word = text(64);

const HitView = named(
  "Hit",
  shape({
    id: ProductId,
    ...Details.fields,
    publishedAt: Instant,
    inStock: Flag,
    price: optional(SpelledMoney),
  }),
);
/** `instead` lists words that no product has, each with the similar words that were searched. */
const FoundView = named(
  "Found",
  shape({
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
  }),
);

const toHit = ({ details, price, ...hit }: Hit): Infer<typeof HitView> => ({
  ...hit,
  ...details,
  ...(price ? { price: Money.spell(price) } : {}),
});

const toFound = ({ items, ...found }: Found): Infer<typeof FoundView> => ({
  ...found,
  items: items.map(toHit),
});

export const searchRoutes = (catalog: Catalog): readonly Route[] => [
  get("/products/search", {
    access: "anyone",
    id: "searchProducts",
    summary: "Search products",
    description:
      "Published products that match every criterion, newest first. Words that no product " +
      "contains are replaced by similar ones, listed in `instead`. A page may hold fewer " +
      "items than `limit`; more follow while it has a `nextCursor`. With `facets`, the first " +
      "1000 matches are counted by category and attribute.",
    input: SearchProducts,
    handle: catalog.searchProducts,
    success: 200,
    output: FoundView,
    present: toFound,
    refusals: { "search-invalid": 422 },
  }),
];
