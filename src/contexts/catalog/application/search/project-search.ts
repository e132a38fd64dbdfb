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

type StockEvent = Extract<
  CatalogEvent,
  { readonly type: `catalog.stock-${string}` | `catalog.reservation-${string}` }
>;
type UnitsOf<Type extends StockEvent["type"]> = (
  payload: Extract<StockEvent, { readonly type: Type }>["payload"],
) => number;

/** How many units each event of the stock makes free. What is committed was not free before. */
const unitsFreed: { readonly [Type in StockEvent["type"]]: UnitsOf<Type> } = {
  "catalog.stock-received": ({ quantity }) => quantity,
  "catalog.stock-adjusted": ({ by }) => by,
  "catalog.stock-reserved": ({ quantity }) => 0 - quantity,
  "catalog.stock-exhausted": () => 0,
  "catalog.reservation-committed": () => 0,
  "catalog.reservation-released": ({ quantity }) => quantity,
};

const isOfStock = (event: CatalogEvent): event is StockEvent => event.type in unitsFreed;
const units = (event: StockEvent): readonly [Sku, number] => [
  event.payload.sku,
  (unitsFreed[event.type] as UnitsOf<StockEvent["type"]>)(event.payload),
];

type ProductEvent = Extract<CatalogEvent, { readonly type: `catalog.product-${string}` }>;
type ChangeOf<Type extends ProductEvent["type"]> = (
  payload: Extract<ProductEvent, { readonly type: Type }>["payload"],
) => Omit<ProductChange, "id"> | undefined;

/** What each event of a product changes. One that is missing here does not compile. */
const productChanges: { readonly [Type in ProductEvent["type"]]: ChangeOf<Type> } = {
  "catalog.product-drafted": ({ details }) => ({ status: "draft", details }),
  "catalog.product-edited": ({ details }) => ({ details }),
  "catalog.product-published": ({ publishedAt }) => ({ status: "published", publishedAt }),
  "catalog.product-unpublished": () => ({ status: "draft" }),
  "catalog.product-archived": () => ({ status: "archived" }),
  "catalog.product-restored": ({ details }) => ({ status: "draft", details }),
  "catalog.product-deleted": () => ({ status: "deleted" }),
  "catalog.product-owner-cleared": () => undefined,
};

const isOfProduct = (event: CatalogEvent): event is ProductEvent => event.type in productChanges;
const productChange = (event: ProductEvent) =>
  (productChanges[event.type] as ChangeOf<ProductEvent["type"]>)(event.payload);

/** Folds events into one change. The order between different streams does not matter. */
export function searchChanges(events: readonly CatalogEvent[]): SearchChanges {
  const products = new Map<ProductId, ProductChange>();
  const freed = new Map<Sku, number>();
  const pricesSet: UnitPrice[] = [];
  const pricesEnded = new Map<PriceId, Instant>();
  const pricesWithdrawn = new Map<PriceId, Sku>();
  for (const event of events) {
    const change = isOfProduct(event) ? productChange(event) : undefined;
    if (change && "productId" in event.payload) {
      const { productId: id } = event.payload;
      products.set(id, { ...products.get(id), ...change, id });
    }
    const [sku, moved] = isOfStock(event) ? units(event) : [undefined, 0];
    if (sku !== undefined && moved !== 0) freed.set(sku, (freed.get(sku) ?? 0) + moved);
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
