import type { Context } from "#kernel/context.ts";
import type { Instant } from "#kernel/instant.ts";
import type { ProductId } from "../../domain/ids.ts";
import type { Price } from "../../domain/price.ts";
import type { Sku } from "../../domain/sku.ts";
import type { PriceFilter } from "./prices.ts";
import type { Level } from "./stock.ts";

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
export type StockLevels = (wanted: PartOf, context: Context) => Promise<Part<readonly Level[]>>;

/** Answers by the deadline of the context, with what it has by then; never breaks. */
export type CurrentPrices = (
  wanted: PartOf & { readonly at: Instant; readonly filter: PriceFilter },
  context: Context,
) => Promise<Part<readonly Price[]>>;
