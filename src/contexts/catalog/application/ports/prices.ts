import type { Saves } from "#kernel/repository.ts";
import type { CatalogEvent } from "../../domain/events.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Currency } from "#kernel/money.ts";
import type { PriceId } from "../../domain/ids.ts";
import type { PriceList } from "../../domain/price-list.ts";
import type { Price, Prices } from "../../domain/price.ts";
import type { Sku } from "../../domain/sku.ts";

/** Which prices: of one currency, of one list, where said. */
export type PriceFilter = {
  readonly currency?: Currency | undefined;
  readonly list?: PriceList | undefined;
};

export type PricesOfSkus = Saves<Prices, CatalogEvent> & {
  /** With those prices that are valid at `from` or later. */
  readonly bySku: (sku: Sku, from: Instant) => Promise<Prices>;
  /** The sku that a price is of. */
  readonly skuOf: (id: PriceId) => Promise<Sku | undefined>;
  /** The prices of these skus at an instant. */
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
