import { LRUCache } from "lru-cache";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Cache } from "#platform/cache/cache.ts";
import { fromText, toText } from "#platform/json.ts";
import { Unavailable } from "#platform/unavailable.ts";
import type { CurrentPrices, Part, StockLevels } from "../application/ports/product-page.ts";
import type { Level } from "../application/ports/stock.ts";
import type { Price } from "../domain/price.ts";

/** Asks the source. Throws `Unavailable` when the source is late or away. */
type Source<Of, T> = (subject: Of, context: Context) => Promise<T>;
export type LevelSource = Source<Parameters<StockLevels>[0], readonly Level[]>;
export type PriceSource = Source<Parameters<CurrentPrices>[0], readonly Price[]>;

/** How long a last known value may be shown. */
const lastKnownMs = 24 * 3_600_000;
/** The last known value is kept so often at most: a page that many read is kept once. */
const keepEveryMs = 1_000;
const maxRecent = 10_000;

type Options<Of, T> = {
  readonly name: string;
  readonly source: Source<Of, T>;
  /** The cache key of a question. */
  readonly keyOf: (subject: Of) => string;
  readonly cache: Cache;
  readonly clock: Clock;
  /** Hears of every answer. */
  readonly onAnswer: (status: Part<T>["status"]) => void;
};

type Kept<T> = { readonly value: T; readonly atMs: number };

/** Answers a late or missing part with its last known value, marked as stale. */
export function degrading<Of, T>(options: Options<Of, T>) {
  const { name, source, keyOf, cache, clock, onAnswer } = options;
  const recent = new LRUCache<string, true>({ max: maxRecent, ttl: keepEveryMs });

  /** Empty answers are not cached: strangers may ask for any id and would fill the cache. */
  async function keep(key: string, value: T): Promise<void> {
    if (recent.has(key) || (Array.isArray(value) && value.length === 0)) return;
    recent.set(key, true);
    await cache.set(key, toText({ value, atMs: clock.unixMs() }), lastKnownMs);
  }

  async function lastKnown(key: string): Promise<Part<T>> {
    const text = await cache.get(key);
    if (text === undefined) return { status: "unavailable" };
    const { value, atMs } = fromText(text) as Kept<T>;
    return { status: "stale", value, ageMs: clock.unixMs() - atMs };
  }

  return async (subject: Of, context: Context): Promise<Part<T>> => {
    const key = `${name}/${keyOf(subject)}`;
    const part = await source(subject, context).then(
      (value): Part<T> => {
        keep(key, value).catch(() => {}); // a cache that does not answer is none
        return { status: "live", value };
      },
      (error: unknown) => {
        if (error instanceof Unavailable) return lastKnown(key);
        throw error;
      },
    );
    onAnswer(part.status);
    return part;
  };
}
