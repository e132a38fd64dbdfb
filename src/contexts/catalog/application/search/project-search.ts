import type { Instant } from "#kernel/instant.ts";
import { expect } from "#kernel/result.ts";
import { Money } from "#kernel/money.ts";
import type { Attribute, Details } from "../../domain/details.ts";
import type { CatalogEvent } from "../../domain/events.ts";
import type { PriceId, ProductId } from "../../domain/ids.ts";
import type { PriceList } from "../../domain/price-list.ts";
import type { Product } from "../../domain/product.ts";
import type { Sku } from "../../domain/sku.ts";
import { wordsOf } from "../../domain/words.ts";

/** Changed fields of a product. Missing fields keep their values. */
export type ProductChange = {
  readonly id: ProductId;
  readonly status?: Product["status"];
  readonly publishedAt?: Instant;
  readonly details?: Details;
};

/** The price of one unit of a sku and its period. */
export type UnitPrice = {
  readonly id: PriceId;
  readonly sku: Sku;
  readonly list: PriceList;
  readonly price: Money;
  readonly validFrom: Instant;
  readonly validUntil?: Instant;
};

/** The effect of a batch of events on the search. Of several changes to one thing the last one counts. */
export type SearchChanges = {
  readonly products: ReadonlyMap<ProductId, ProductChange>;
  /** Units that have become free; fewer than none where they were taken. */
  readonly freed: ReadonlyMap<Sku, number>;
  readonly pricesSet: readonly UnitPrice[];
  readonly pricesEnded: ReadonlyMap<PriceId, Instant>;
  readonly pricesWithdrawn: ReadonlyMap<PriceId, Sku>;
};

/** Port: the read model that searches look into. */
export type SearchModel = {
  /** Leaves with the transaction that the events are read in. */
  readonly apply: (changes: SearchChanges) => void;
};

/** The term of an attribute: no word has an equals sign. */
export const attributeTerm = ({ name, value }: Attribute): string => `${name}=${value}`;

/** The facets of a product, counted beside the matches: its categories and attributes. */
export const facetsOf = ({ categoryIds, attributes }: Details): readonly string[] => [
  ...new Set([...categoryIds, ...attributes.map(attributeTerm)]),
];

/** The words by which a product can be found. */
export const searchWordsOf = ({ name, description, skus, attributes }: Details) =>
  wordsOf(name, description, ...skus, ...attributes.map(({ value }) => value));

const units = (event: CatalogEvent): readonly [Sku, number] | undefined => {
  switch (event.type) {
    case "catalog.stock-received":
    case "catalog.reservation-released":
      return [event.payload.sku, event.payload.quantity];
    case "catalog.stock-adjusted":
      return [event.payload.sku, event.payload.by];
    case "catalog.stock-reserved":
      return [event.payload.sku, 0 - event.payload.quantity];
    default:
      return undefined; // what is committed was not free before
  }
};

const productChange = (event: CatalogEvent): Omit<ProductChange, "id"> | undefined => {
  switch (event.type) {
    case "catalog.product-drafted":
      return { status: "draft", details: event.payload.details };
    case "catalog.product-edited":
      return { details: event.payload.details };
    case "catalog.product-published":
      return { status: "published", publishedAt: event.payload.publishedAt };
    case "catalog.product-archived":
      return { status: "archived" };
    case "catalog.product-deleted":
      return { status: "deleted" };
    default:
      return undefined;
  }
};

/** Folds events into one change. The order between different streams does not matter. */
export function searchChanges(events: readonly CatalogEvent[]): SearchChanges {
  const products = new Map<ProductId, ProductChange>();
  const freed = new Map<Sku, number>();
  const pricesSet: UnitPrice[] = [];
  const pricesEnded = new Map<PriceId, Instant>();
  const pricesWithdrawn = new Map<PriceId, Sku>();
  for (const event of events) {
    const change = productChange(event);
    if (change && "productId" in event.payload) {
      const { productId: id } = event.payload;
      products.set(id, { ...products.get(id), ...change, id });
    }
    const moved = units(event);
    if (moved) freed.set(moved[0], (freed.get(moved[0]) ?? 0) + moved[1]);
    if (event.type === "catalog.price-set" && event.payload.minimumQuantity === 1) {
      const { priceId: id, price, minimumQuantity: _, ...terms } = event.payload;
      pricesSet.push({ ...terms, id, price: expect(Money.parse(price)) });
    }
    if (event.type === "catalog.price-ended")
      pricesEnded.set(event.payload.priceId, event.payload.validUntil);
    if (event.type === "catalog.price-withdrawn")
      pricesWithdrawn.set(event.payload.priceId, event.payload.sku);
  }
  return { products, freed, pricesSet, pricesEnded, pricesWithdrawn };
}
