import { saving, idOf } from "#kernel/repository.ts";
import { type Versioned, Version } from "#kernel/version.ts";
import { saved, type Change } from "#kernel/change.ts";
import { MemoryTable } from "#platform/memory/memory-table.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import type { CatalogScope } from "../application/ports/scope.ts";
import type { Level, ReservationRecord } from "../application/ports/stock.ts";
import type { PriceFilter } from "../application/ports/prices.ts";
import type { Category } from "../domain/category.ts";
import type { CatalogEvent } from "../domain/events.ts";
import type { CategoryId, ProductId } from "../domain/ids.ts";
import { Prices, type Price } from "../domain/price.ts";
import {
  Product,
  productStatuses,
  type PresentProduct,
  type Product as AnyProduct,
} from "../domain/product.ts";
import type { Sku } from "../domain/sku.ts";
import { Stock, type StockKey } from "../domain/stock.ts";
import { memoryImports, memoryImportTables } from "./memory-imports.ts";
import { memorySearch, memorySearchTables } from "./memory-search.ts";
import type { LevelSource, PriceSource } from "../infrastructure/degrading.ts";

/** Whose a sku is; missing once it was given up. */
type SkuRow = { readonly productId: ProductId; readonly sku?: Sku };
type PricesRow = Versioned & { readonly sku: Sku; readonly prices: readonly Price[] };

/** The tables of the catalog in memory. */
export const memoryCatalogTables = () => ({
  products: new MemoryTable<AnyProduct>((product) =>
    productStatuses[product.status].holdsNames ? product.details.slug : undefined,
  ),
  skus: new MemoryTable<SkuRow>(({ sku }) => sku),
  categories: new MemoryTable<Category>(({ slug }) => slug),
  stocks: new MemoryTable<Stock>(),
  reservations: new MemoryTable<ReservationRecord>(),
  prices: new MemoryTable<PricesRow>(),
  search: memorySearchTables(),
  imports: memoryImportTables(),
});
type Tables = ReturnType<typeof memoryCatalogTables>;

const byKey = <Row extends { readonly id: string }>(a: Row, b: Row) => (a.id < b.id ? -1 : 1);

function productsIn({ products, skus }: Tables, { put, append }: MemoryTransaction) {
  const present = (): readonly PresentProduct[] =>
    [...products.rows.values()].toSorted(byKey).flatMap((product) => {
      const found = Product.present(product);
      return found.ok ? [found.value] : [];
    });
  return {
    byId: async (id) => products.rows.get(id),
    async bySku(sku) {
      const row = skus.find(sku);
      return row && present().find(({ id }) => id === row.productId);
    },
    async bySlug(slug) {
      const named = present().filter(({ details }) => details.slug === slug);
      return named.find(({ status }) => productStatuses[status].holdsNames) ?? named.at(-1);
    },
    shown: async (wanted) =>
      present()
        .filter(({ status }) => productStatuses[status].isShown)
        .flatMap((product) => Product.skusOf(product).filter((sku) => wanted.includes(sku))),
    async taken(wanted, except) {
      const holder = products.find(wanted.slug);
      const theirs = wanted.skus.filter((sku) => {
        const row = skus.find(sku);
        return row && row.productId !== except;
      });
      return holder && holder.id !== except
        ? { slug: wanted.slug, skus: theirs.toSorted() }
        : { skus: theirs.toSorted() };
    },
    page: async ({ status = "published", categoryIds, ownerId, after = "", limit }) =>
      present()
        .filter((product) => product.status === status && product.id > after)
        .filter(
          ({ details }) => categoryIds?.some((id) => details.categoryIds.includes(id)) ?? true,
        )
        .filter((product) => !ownerId || product.ownerId === ownerId)
        .slice(0, limit),
    allOf: async (owner) => present().filter(({ ownerId }) => ownerId === owner),
    save: saving<AnyProduct, CatalogEvent>(append, idOf, (product) => {
      const { id } = product;
      put<AnyProduct>(products, id, product);
      const kept = Product.skusOf(product);
      for (const [key, row] of skus.rows)
        if (row.productId === id && row.sku && !kept.includes(row.sku))
          put<SkuRow>(skus, key, { productId: id });
      for (const sku of kept) put<SkuRow>(skus, `${id}/${sku}`, { productId: id, sku });
    }),
  } satisfies CatalogScope["products"];
}

/** Follows what the events say of reservations. */
function keepRecord(
  { reservations }: Tables,
  { put, change }: MemoryTransaction,
  event: CatalogEvent,
) {
  const end = (id: string, status: ReservationRecord["status"]) =>
    change<ReservationRecord>(reservations, id, (record) => record && { ...record, status });
  if (event.type === "catalog.stock-reserved") {
    const { reservationId: id, sku, location, holder, expiresAt, quantity } = event.payload;
    const open = { id, sku, location, holder, expiresAt, quantity, status: "open" } as const;
    put<ReservationRecord>(reservations, id, open);
  }
  if (event.type === "catalog.reservation-committed") end(event.payload.reservationId, "committed");
  if (event.type === "catalog.reservation-released")
    end(event.payload.reservationId, event.payload.why);
}

function stocksIn(tables: Tables, transaction: MemoryTransaction) {
  return {
    byKey: async (key) => tables.stocks.rows.get(Stock.streamOf(key)) ?? Stock.none(key),
    save: saving<Stock, CatalogEvent>(transaction.append, Stock.streamOf, (stock, { events }) => {
      transaction.put<Stock>(tables.stocks, Stock.streamOf(stock), stock);
      for (const event of events) keepRecord(tables, transaction, event);
    }),
  } satisfies CatalogScope["stocks"];
}

function reservationsIn({ reservations }: Tables) {
  return {
    byId: async (id) => reservations.rows.get(id),
    countOpenOf: async (holder, limit) =>
      [...reservations.rows.values()]
        .filter((record) => record.status === "open" && record.holder === holder)
        .slice(0, limit).length,
    async expired(at, limit) {
      const some = [...reservations.rows.values()]
        .filter(({ status, expiresAt }) => status === "open" && expiresAt <= at)
        .slice(0, limit);
      return [...new Map(some.map((record) => [Stock.streamOf(record), record])).values()];
    },
  } satisfies CatalogScope["reservations"];
}

const costsAt =
  (at: string, { currency, list }: PriceFilter) =>
  (price: Price) =>
    price.validFrom <= at &&
    (price.validUntil === undefined || at < price.validUntil) &&
    (currency === undefined || price.price.currency === currency) &&
    (list === undefined || price.list === list);

const priceKey = ({ sku, id }: Pick<Price, "sku" | "id">) => `${sku} ${id}`;
const inOrder = (a: Price, b: Price) => (keyOf(a) < keyOf(b) ? -1 : 1);
const keyOf = ({ sku, list, price, minimumQuantity }: Price) =>
  [sku, list, price.currency, String(minimumQuantity).padStart(10, "0")].join(" ");

function pricesIn({ prices }: Tables, { put, append }: MemoryTransaction) {
  const all = () => [...prices.rows.values()].flatMap((row) => row.prices);
  return {
    bySku: async (sku, from) => {
      const row = prices.rows.get(sku) ?? { sku, prices: [], version: Version.none };
      return {
        ...row,
        prices: row.prices.filter(({ validUntil }) => !validUntil || validUntil > from),
      };
    },
    skuOf: async (id) => all().find((price) => price.id === id)?.sku,
    at: async (skus, instant, filter) =>
      all()
        .filter(({ sku }) => skus.includes(sku))
        .filter(costsAt(instant, filter))
        .toSorted(inOrder),
    page: async ({ from, after, limit }) =>
      all()
        .filter(({ validUntil }) => validUntil === undefined || validUntil > from)
        .toSorted((a, b) => (priceKey(a) < priceKey(b) ? -1 : 1))
        .filter((price) => after === undefined || priceKey(price) > priceKey(after))
        .slice(0, limit),
    save<A extends PricesRow>(change: Change<A, CatalogEvent>): A {
      const state = saved(change);
      const gone = change.events.flatMap(({ type, payload }) =>
        type === "catalog.price-withdrawn" ? [payload.priceId] : [],
      );
      const before = prices.rows.get(state.sku)?.prices ?? [];
      const known = before.filter(({ id }) => !gone.includes(id));
      const now = new Map([...known, ...state.prices].map((price) => [price.id, price]));
      put<PricesRow>(prices, state.sku, { ...state, prices: [...now.values()] });
      append(Prices.streamOf(state.sku), change.state.version, change.events);
      return state;
    },
  } satisfies CatalogScope["prices"];
}

const levelOf = (stock: Stock): Level => ({
  sku: stock.sku,
  location: stock.location,
  onHand: stock.onHand,
  reserved: stock.reserved,
  available: Stock.available(stock),
});

/** In the order of sku and location: a space comes before all that either may have. */
const placeOf = ({ sku, location }: StockKey) => `${sku} ${location}`;

const levelsOf = ({ stocks }: Tables, skus: readonly Sku[]): readonly Level[] =>
  [...stocks.rows.entries()]
    .filter(([, { sku }]) => skus.includes(sku))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, stock]) => levelOf(stock));

const idsWithin = (all: readonly Category[], id: CategoryId): readonly CategoryId[] =>
  all.some((category) => category.id === id)
    ? [
        id,
        ...all
          .filter(({ parentId }) => parentId === id)
          .flatMap((child) => idsWithin(all, child.id)),
      ]
    : [];

/** All repositories of the catalog in memory. */
export const memoryCatalog =
  (tables: Tables) =>
  (transaction: MemoryTransaction): CatalogScope => ({
    products: productsIn(tables, transaction),
    categories: {
      byId: async (id) => tables.categories.rows.get(id),
      bySlug: async (slug) => tables.categories.find(slug),
      all: async () =>
        [...tables.categories.rows.values()].toSorted((a, b) => (a.slug < b.slug ? -1 : 1)),
      within: async (id) => idsWithin([...tables.categories.rows.values()], id),
      save: saving<Category, CatalogEvent>(transaction.append, idOf, (category) =>
        transaction.put<Category>(tables.categories, category.id, category),
      ),
    },
    stocks: stocksIn(tables, transaction),
    reservations: reservationsIn(tables),
    prices: pricesIn(tables, transaction),
    levels: {
      of: async (skus) => levelsOf(tables, skus),
      page: async (after, limit) =>
        [...tables.stocks.rows.values()]
          .toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))
          .filter((stock) => after === undefined || placeOf(stock) > placeOf(after))
          .slice(0, limit)
          .map(levelOf),
    },
    search: memorySearch(tables.search),
    imports: memoryImports(tables.imports, transaction),
  });

/** Stock and prices that are kept in these tables. */
export const memorySources = (
  tables: Tables,
): { readonly levels: LevelSource; readonly prices: PriceSource } => ({
  levels: async ({ skus }) => levelsOf(tables, await skus()),
  prices: async ({ skus, at, filter }) => {
    const wanted = await skus();
    return [...tables.prices.rows.values()]
      .flatMap((row) => row.prices)
      .filter(({ sku }) => wanted.includes(sku))
      .filter(costsAt(at, filter))
      .toSorted(inOrder);
  },
});
