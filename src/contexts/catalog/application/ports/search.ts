import type { Instant } from "#kernel/instant.ts";
import type { Currency, Money } from "#kernel/money.ts";
import type { Page } from "#kernel/page.ts";
import type { Attribute, Details } from "../../domain/details.ts";
import type { CategoryId, ProductId } from "../../domain/ids.ts";
import type { PriceList } from "../../domain/price-list.ts";

/** A range of prices at an instant, in the smallest unit of the currency. */
export type PriceRange = {
  readonly currency: Currency;
  readonly list: PriceList;
  readonly at: Instant;
  readonly least?: bigint | undefined;
  readonly most?: bigint | undefined;
};

/** The criteria of a search. Published products match all of them. */
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

/** Facets of the matches with their counts. */
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
