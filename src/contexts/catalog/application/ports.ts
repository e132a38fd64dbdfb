import type { Change } from "#kernel/change.ts";
import type { Context } from "#kernel/context.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Currency } from "#kernel/money.ts";
import type { Result } from "#kernel/result.ts";
import type { Category } from "../domain/category.ts";
import type { Details, Slug } from "../domain/details.ts";
import type { CatalogEvent } from "../domain/events.ts";
import type { CategoryId, OwnerId, PriceId, ProductId, ReservationId } from "../domain/ids.ts";
import type { Location } from "../domain/location.ts";
import type { PriceList } from "../domain/price-list.ts";
import type { Price, Prices } from "../domain/price.ts";
import type { DraftProduct, PresentProduct, Product } from "../domain/product.ts";
import type { Units } from "../domain/quantity.ts";
import type { Sku } from "../domain/sku.ts";
import type { Stock, StockKey } from "../domain/stock.ts";
import type { Permission } from "./permission.ts";

type Saves<Aggregate> = {
  /**
   * Leaves with the unit of work; answers the state with the version that it then has. A change of
   * a stale version, or to what must be unique and was taken meanwhile, makes the unit of work end
   * in `conflict`.
   */
  readonly save: <A extends Aggregate>(change: Change<A, CatalogEvent>) => A;
};

/** What is taken already: a slug, and skus. */
export type Taken = { readonly slug?: Slug; readonly skus: readonly Sku[] };

export type Products = Saves<Product> & {
  readonly byId: (id: ProductId) => Promise<Product | undefined>;
  readonly bySku: (sku: Sku) => Promise<PresentProduct | undefined>;
  /** Those of the skus that are of a product which everybody sees. */
  readonly shown: (skus: readonly Sku[]) => Promise<readonly Sku[]>;
  /** What present products other than this one have of these. */
  readonly taken: (wanted: Pick<Details, "slug" | "skus">, except: ProductId) => Promise<Taken>;
  /** Present products in the order of their making, after one of them. */
  readonly page: (page: {
    readonly status?: PresentProduct["status"] | undefined;
    readonly categoryId?: CategoryId | undefined;
    readonly ownerId?: OwnerId | undefined;
    readonly after?: ProductId | undefined;
    readonly limit: number;
  }) => Promise<readonly PresentProduct[]>;
  readonly draftsOf: (ownerId: OwnerId) => Promise<readonly DraftProduct[]>;
};

export type Categories = Saves<Category> & {
  readonly byId: (id: CategoryId) => Promise<Category | undefined>;
  readonly all: () => Promise<readonly Category[]>;
};

export type Stocks = Saves<Stock> & {
  /** What there is; none of it, where nobody has ever received any. */
  readonly byKey: (key: StockKey) => Promise<Stock>;
};

/** Where a reservation is to be found, and what became of it. */
export type ReservationRecord = StockKey & {
  readonly id: ReservationId;
  readonly holder: OwnerId;
  readonly status: "open" | "committed" | "released" | "expired";
};

export type Reservations = {
  readonly byId: (id: ReservationId) => Promise<ReservationRecord | undefined>;
  /** Stocks with open reservations that have expired. */
  readonly expired: (at: Instant, limit: number) => Promise<readonly StockKey[]>;
};

/** Which prices: of one currency, of one list, where said. */
export type PriceFilter = {
  readonly currency?: Currency | undefined;
  readonly list?: PriceList | undefined;
};

export type PricesOfSkus = Saves<Prices> & {
  /** With those prices that are valid at `from` or later. */
  readonly bySku: (sku: Sku, from: Instant) => Promise<Prices>;
  /** The sku that a price is of. */
  readonly skuOf: (id: PriceId) => Promise<Sku | undefined>;
  /** What these skus cost at an instant. */
  readonly at: (
    skus: readonly Sku[],
    at: Instant,
    filter: PriceFilter,
  ) => Promise<readonly Price[]>;
};

/** How many units of a sku there are at a location. */
export type Level = {
  readonly sku: Sku;
  readonly location: Location;
  readonly onHand: Units;
  readonly reserved: Units;
  readonly available: Units;
};

export type Levels = { readonly of: (skus: readonly Sku[]) => Promise<readonly Level[]> };

/** All repositories of the catalog, bound to one transaction. */
export type CatalogScope = {
  readonly products: Products;
  readonly categories: Categories;
  readonly stocks: Stocks;
  readonly reservations: Reservations;
  readonly prices: PricesOfSkus;
  readonly levels: Levels;
};

/** A part of an answer that may be late, or come from somebody who is away. */
export type Part<T> =
  | { readonly status: "live"; readonly value: T }
  /** The last that was known. */
  | { readonly status: "stale"; readonly value: T; readonly ageMs: number }
  | { readonly status: "unavailable" };

/** Whose part: `skus` are known a moment later than the id, for who asks. */
export type PartOf = {
  readonly productId: ProductId;
  readonly skus: () => Promise<readonly Sku[]>;
};

/** Answers by the deadline of the context, with what it has by then; never breaks. */
export type StockLevels = (of: PartOf, context: Context) => Promise<Part<readonly Level[]>>;

/** Answers by the deadline of the context, with what it has by then; never breaks. */
export type CurrentPrices = (
  of: PartOf & { readonly at: Instant; readonly filter: PriceFilter },
  context: Context,
) => Promise<Part<readonly Price[]>>;

/** The actor may not do this. */
export type Forbidden = { readonly type: "forbidden"; readonly permission: Permission };

/** Whether the actor has a permission, or is the owner of what it is about. */
export type MayAct = (
  context: Context,
  permission: Permission,
  on?: { readonly owner: OwnerId | undefined },
) => Promise<Result<void, Forbidden>>;
