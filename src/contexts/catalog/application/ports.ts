import type { Change } from "#kernel/change.ts";
import type { Context } from "#kernel/context.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Currency, Money } from "#kernel/money.ts";
import type { Page } from "#kernel/page.ts";
import type { Result } from "#kernel/result.ts";
import type { Category } from "../domain/category.ts";
import type { Attribute, Details, Slug } from "../domain/details.ts";
import type { CatalogEvent } from "../domain/events.ts";
import type { ArrivingImport, Import, RowOutcome, WaitingImport } from "../domain/import.ts";
import type {
  CategoryId,
  ImportId,
  OwnerId,
  PriceId,
  ProductId,
  ReservationId,
} from "../domain/ids.ts";
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
  readonly bySlug: (slug: Slug) => Promise<PresentProduct | undefined>;
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
  readonly bySlug: (slug: Slug) => Promise<Category | undefined>;
  readonly all: () => Promise<readonly Category[]>;
  /** A category and all that lie below it; none where there is no such category. */
  readonly within: (id: CategoryId) => Promise<readonly CategoryId[]>;
};

export type Stocks = Saves<Stock> & {
  /** What there is; none of it, where nobody has ever received any. */
  readonly byKey: (key: StockKey) => Promise<Stock>;
};

/** Where a reservation is to be found, and what became of it. */
export type ReservationRecord = StockKey & {
  readonly id: ReservationId;
  readonly holder: OwnerId;
  readonly expiresAt: Instant;
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
  /** Prices that are valid at `from` or later, in the order of sku and id, after one of them. */
  readonly page: (page: {
    readonly from: Instant;
    readonly after?: Pick<Price, "sku" | "id"> | undefined;
    readonly limit: number;
  }) => Promise<readonly Price[]>;
};

/** How many units of a sku there are at a location. */
export type Level = {
  readonly sku: Sku;
  readonly location: Location;
  readonly onHand: Units;
  readonly reserved: Units;
  readonly available: Units;
};

export type Levels = {
  readonly of: (skus: readonly Sku[]) => Promise<readonly Level[]>;
  /** In the order of sku and location, after one of them. */
  readonly page: (after: StockKey | undefined, limit: number) => Promise<readonly Level[]>;
};

/** What one unit costs at an instant. Amounts in the smallest unit of the currency. */
export type PriceRange = {
  readonly currency: Currency;
  readonly list: PriceList;
  readonly at: Instant;
  readonly least?: bigint | undefined;
  readonly most?: bigint | undefined;
};

/** What is searched for: products on sale that fit all of it. */
export type Criteria = {
  readonly words: readonly string[];
  /** In one of these, where said. */
  readonly categoryIds?: readonly CategoryId[] | undefined;
  readonly attributes: readonly Attribute[];
  readonly inStock: boolean;
  readonly price?: PriceRange | undefined;
  /** Newest first: those made before this one. */
  readonly before?: ProductId | undefined;
  readonly limit: number;
  readonly withFacets: boolean;
};

/** A product on sale, as the read model knows it. */
export type Hit = {
  readonly id: ProductId;
  readonly details: Details;
  readonly publishedAt: Instant;
  readonly inStock: boolean;
  /** The least that one unit costs, if a currency was asked for and there is a price in it. */
  readonly price?: Money;
};

/** What the matches have in common, counted. */
export type Facets = {
  /** Matches that were looked at for it. */
  readonly products: number;
  /** Whether these are all. */
  readonly isComplete: boolean;
  readonly inStock: number;
  readonly categories: readonly { readonly categoryId: CategoryId; readonly products: number }[];
  readonly attributes: readonly (Attribute & { readonly products: number })[];
};

/** Words that no product has, and those that were searched for in their place. */
export type Instead = { readonly word: string; readonly words: readonly string[] };

/** A page may hold less than was asked for, even nothing: there is more where a cursor says so. */
export type Found = Page<Hit, ProductId> & {
  readonly instead: readonly Instead[];
  readonly facets?: Facets;
};

export type Search = { readonly find: (criteria: Criteria) => Promise<Found> };

/** A row of a file: its cells by column. */
export type Cells = { readonly [column: string]: string };
export type ImportRow = { readonly line: number; readonly cells: Cells };

/** What became of a row, and why it was refused. */
export type SettledRow = {
  readonly line: number;
  readonly outcome: RowOutcome;
  readonly reason?: { readonly type: string };
};

export type Imports = Saves<Import> & {
  /** Opens an import for rows to arrive in. */
  readonly open: (arriving: ArrivingImport) => void;
  /** Keeps rows that have arrived. */
  readonly stage: (id: ImportId, rows: readonly ImportRow[]) => void;
  /** Forgets an import whose rows have not arrived whole, and no other. */
  readonly discard: (id: ImportId) => void;
  readonly byId: (id: ImportId) => Promise<Import | undefined>;
  /** The oldest whose rows have all arrived, and are not all settled. */
  readonly waiting: (limit: number) => Promise<readonly WaitingImport[]>;
  /** Rows that have no outcome yet, in the order of the file. */
  readonly unsettled: (id: ImportId, limit: number) => Promise<readonly ImportRow[]>;
  /** Whether none of these lines has an outcome. */
  readonly areUnsettled: (id: ImportId, lines: readonly number[]) => Promise<boolean>;
  /** Keeps and counts the outcomes of lines that have none yet. */
  readonly settle: (id: ImportId, rows: readonly SettledRow[]) => void;
  /** Outcomes in the order of the file, after a line. */
  readonly settled: (page: {
    readonly id: ImportId;
    readonly outcome?: RowOutcome | undefined;
    readonly after: number;
    readonly limit: number;
  }) => Promise<readonly SettledRow[]>;
};

/** All repositories of the catalog, bound to one transaction. */
export type CatalogScope = {
  readonly products: Products;
  readonly categories: Categories;
  readonly stocks: Stocks;
  readonly reservations: Reservations;
  readonly prices: PricesOfSkus;
  readonly levels: Levels;
  readonly search: Search;
  readonly imports: Imports;
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
