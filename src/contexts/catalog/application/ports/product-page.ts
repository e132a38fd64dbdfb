import type { Context } from "#kernel/context.ts";
import type { Instant } from "#kernel/instant.ts";
import type { ProductId } from "../../domain/ids.ts";
import type { Price } from "../../domain/price.ts";
import type { Sku } from "../../domain/sku.ts";
import type { PriceFilter } from "./prices.ts";
import type { Level } from "./stock.ts";

/** A part of an answer whose source may be late or away. */
export type Part<T> =
  | { readonly status: "live"; readonly value: T }
  /** The last that was known. */
  | { readonly status: "stale"; readonly value: T; readonly ageMs: number }
  | { readonly status: "unavailable" };

/** The product of a part. Its `skus` are loaded on demand. */
export type PartOf = {
  readonly productId: ProductId;
  readonly skus: () => Promise<readonly Sku[]>;
};

/** Answers by the deadline of the context with the best value that is known by then. Never throws. */
export type StockLevels = (wanted: PartOf, context: Context) => Promise<Part<readonly Level[]>>;

/** Answers by the deadline of the context with the best value that is known by then. Never throws. */
export type CurrentPrices = (
  wanted: PartOf & { readonly at: Instant; readonly filter: PriceFilter },
  context: Context,
) => Promise<Part<readonly Price[]>>;
