import type { Versioned } from "#kernel/version.ts";
import type { Change } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import { Money } from "#kernel/money.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { PriceEnded, PriceSet, PriceWithdrawn, type CatalogEvent } from "./events.ts";
import type { PriceId } from "./ids.ts";
import type { PriceList } from "./price-list.ts";
import type { Quantity } from "./quantity.ts";
import type { Sku } from "./sku.ts";

/** The price of one unit of a sku on a list, from a quantity on, for a period. */
export type Price = {
  readonly id: PriceId;
  readonly sku: Sku;
  readonly list: PriceList;
  readonly minimumQuantity: Quantity;
  readonly price: Money;
  readonly validFrom: Instant;
  /** Not valid at this instant any more; missing while no end is known. */
  readonly validUntil?: Instant;
};

/** The prices of one sku that are valid some time from now on. Older ones are history. */
export type Prices = Versioned & { readonly sku: Sku; readonly prices: readonly Price[] };

type Changed = Change<Prices, CatalogEvent>;

/** Two prices for the same thing at the same time. */
export type PriceOverlaps = { readonly type: "price-overlaps"; readonly priceId: PriceId };
export type PriceNotFound = { readonly type: "price-not-found" };
/** A price is not negative, and ends after it begins. */
export type PriceInvalid = {
  readonly type: "price-invalid";
  readonly reason: "negative" | "ends-before-it-begins" | "has-ended" | "changes-the-past";
};

/** Texts of instants compare like the instants; this is after all of them. */
const never = "9999";
const endOf = ({ validUntil }: Price): string => validUntil ?? never;
const overlap = (a: Price, b: Price) => a.validFrom < endOf(b) && b.validFrom < endOf(a);
const isForTheSame = (a: Price, b: Price) =>
  a.list === b.list &&
  a.minimumQuantity === b.minimumQuantity &&
  a.price.currency === b.price.currency;

const ended = ({ id, sku }: Price, validUntil: Instant) =>
  PriceEnded({ priceId: id, sku, validUntil });

const invalid = (reason: PriceInvalid["reason"]) =>
  err<PriceInvalid>({ type: "price-invalid", reason });

export const Prices = {
  /** Under which name the log keeps their events. */
  streamOf: (sku: Sku): string => `prices/${sku}`,

  /** A price without an end gives way to one that begins later; any other overlap is refused. */
  set(prices: Prices, price: Price, now: Instant): Result<Changed, PriceOverlaps | PriceInvalid> {
    if (Money.isNegative(price.price)) return invalid("negative");
    if (price.validFrom >= endOf(price)) return invalid("ends-before-it-begins");

    const rivals = prices.prices.filter((other) => isForTheSame(other, price));
    const isAnOpenEndBefore = (other: Price) =>
      other.validUntil === undefined && other.validFrom < price.validFrom;
    const before = rivals.find(isAnOpenEndBefore);
    const clash = rivals.find((other) => other !== before && overlap(other, price));
    if (clash) return err({ type: "price-overlaps", priceId: clash.id });
    if (before && price.validFrom < now) return invalid("changes-the-past");

    const { id, price: money, ...terms } = price;
    const state = {
      ...prices,
      prices: [
        ...prices.prices.map((other) =>
          other === before ? { ...other, validUntil: price.validFrom } : other,
        ),
        price,
      ],
    };
    const set = PriceSet({ ...terms, priceId: id, price: Money.spell(money) });
    return ok({
      state,
      events: [...(before ? [ended(before, price.validFrom)] : []), set],
    });
  },

  /**
   * Ends a price, now or later: what it was until then stays known. One that has not begun, and
   * would not begin any more, is withdrawn; the price that gave way to it has ended all the same.
   */
  end(
    prices: Prices,
    id: PriceId,
    { until, now }: { readonly until: Instant; readonly now: Instant },
  ): Result<Changed, PriceNotFound | PriceInvalid> {
    const price = prices.prices.find((other) => other.id === id);
    if (!price) return err({ type: "price-not-found" });
    if (until < now || until >= endOf(price)) return invalid("has-ended");
    if (until <= price.validFrom && price.validFrom <= now) return invalid("ends-before-it-begins");
    if (until <= price.validFrom)
      return ok({
        state: { ...prices, prices: prices.prices.filter((other) => other !== price) },
        events: [PriceWithdrawn({ priceId: id, sku: price.sku })],
      });
    const state = {
      ...prices,
      prices: prices.prices.map((other) =>
        other === price ? { ...other, validUntil: until } : other,
      ),
    };
    return ok({ state, events: [ended(price, until)] });
  },
};
