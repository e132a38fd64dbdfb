import { below } from "#platform/address.ts";
import type { Fields, ShapeOf, Value } from "#kernel/shape.ts";
import { Instant } from "#kernel/instant.ts";
import { Money } from "#kernel/money.ts";
import { optional, shape } from "#kernel/shape.ts";
import { fetchJson } from "#platform/resilience/fetch-json.ts";
import type { Upstream } from "#platform/resilience/upstream.ts";
import { Unavailable } from "#platform/unavailable.ts";
import { PriceId } from "../domain/ids.ts";
import { Location } from "../domain/location.ts";
import { PriceList } from "../domain/price-list.ts";
import { Quantity, Units } from "../domain/quantity.ts";
import { Sku } from "../domain/sku.ts";
import type { LevelSource, PriceSource } from "./degrading.ts";

/** The answers of `GET /stock` and `GET /prices` of another Basalt. */
const Level = shape({
  sku: Sku,
  location: Location,
  onHand: Units,
  reserved: Units,
  available: Units,
});
const Price = shape({
  id: PriceId,
  sku: Sku,
  list: PriceList,
  minimumQuantity: Quantity,
  price: Money,
  validFrom: Instant,
  validUntil: optional(Instant),
});

type Asked = {
  readonly upstream: Upstream;
  readonly baseUrl: string;
  /** The API key to send, if any. */
  readonly key?: string | undefined;
};

/** The address below the base that asks for these skus. */
function addressOf(baseUrl: string, path: string, query: Readonly<Record<string, string>>): URL {
  const url = new URL(below(baseUrl, `/${path}`));
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
}

/** Stock from the HTTP API of another Basalt, or of a server with the same API. */
export const httpLevelSource =
  ({ upstream, baseUrl, key }: Asked): LevelSource =>
  async ({ skus }, { deadlineMs, correlationId }) => {
    const wanted = await skus();
    if (wanted.length === 0) return [];
    const url = addressOf(baseUrl, "stock", { skus: wanted.join(",") });
    return upstream(
      async (signal) => itemsOf(await fetchJson(url, { signal, key, correlationId }), Level),
      deadlineMs,
    );
  };

/** Prices from the HTTP API of another Basalt, or of a server with the same API. */
export const httpPriceSource =
  ({ upstream, baseUrl, key }: Asked): PriceSource =>
  async ({ skus, at, filter: { currency, list } }, { deadlineMs, correlationId }) => {
    const wanted = await skus();
    if (wanted.length === 0) return [];
    const url = addressOf(baseUrl, "prices", {
      skus: wanted.join(","),
      at,
      ...(currency === undefined ? {} : { currency }),
      ...(list === undefined ? {} : { list }),
    });
    return upstream(
      async (signal) => itemsOf(await fetchJson(url, { signal, key, correlationId }), Price),
      deadlineMs,
    );
  };

type Shape<F extends Fields> = Value<ShapeOf<F>> & { readonly fields: F };

/** Its items, without the fields that a newer one may have added. */
function itemsOf<F extends Fields>(answer: unknown, item: Shape<F>): readonly ShapeOf<F>[] {
  const { items } = (answer ?? {}) as { readonly items?: unknown };
  if (!Array.isArray(items)) throw new Unavailable("an upstream answers something else", {});
  return items.map((found: unknown) => {
    const known = Object.entries(found ?? {}).filter(([name]) => name in item.fields);
    const parsed = item.parse(Object.fromEntries(known));
    if (parsed.ok) return parsed.value;
    throw new Unavailable("an upstream answers something else", { cause: parsed.error });
  });
}
