import { standIn, type Answered, type Asked } from "./stand-in.ts";

/** An activity as Alpaca spells it. `createdAt` is what its date filters go by, which is not told. */
export type Activity = { readonly id: string; readonly createdAt?: string } & Readonly<
  Record<string, unknown>
>;

const mostAtOnce = 100;

const newAccount: Readonly<Record<string, unknown>> = {
  id: "904837e3-3b76-47ec-b432-046db621571b",
  account_number: "PA3X7YK2ABCD",
  status: "ACTIVE",
  currency: "USD",
  cash: "1000.00",
  equity: "1234.56789012345678",
};

/** Activities between two times of creation, in an order, after one of them. */
function pageOf(activities: readonly Activity[], query: URLSearchParams): readonly Activity[] {
  const isAfter = (text: string | undefined, limit: string | null) =>
    limit === null || text === undefined || text > limit;
  const since = activities
    .filter(({ createdAt }) => isAfter(createdAt, query.get("after")))
    .filter(({ createdAt }) => !isAfter(createdAt ?? "", query.get("until") ?? "~"));
  const ordered = query.get("direction") === "asc" ? since : since.toReversed();
  const token = query.get("page_token");
  const first = token === null ? 0 : ordered.findIndex(({ id }) => id === token) + 1;
  const size = Math.min(Number(query.get("page_size") ?? mostAtOnce), mostAtOnce);
  return ordered.slice(first, first + size);
}

/** Alpaca's Trading API for one account: real HTTP, the same filters, pages and errors, and faults on demand. */
export async function alpacaServer(port = 0) {
  /** An id that begins with this one is another key of the same customer. */
  const keys = { id: "PKTEST", secret: "s3cret/of+alpaca" };
  const account = { ...newAccount };
  const activities: Activity[] = [];
  const positions: Readonly<Record<string, unknown>>[] = [];
  const hooks: { beforePage?: () => void } = {};

  function answered({ url, headers }: Asked): Answered {
    const isKnown =
      String(headers["apca-api-key-id"]).startsWith(keys.id) &&
      headers["apca-api-secret-key"] === keys.secret;
    if (!isKnown) return [401, { message: "unauthorized" }];
    const worth = positions.reduce((sum, one) => sum + Number(one["market_value"]), 0);
    if (url.pathname === "/v2/account")
      return [200, { long_market_value: String(worth), ...account }];
    if (url.pathname === "/v2/positions") return [200, positions];
    if (url.pathname !== "/v2/account/activities")
      return [404, { code: 40_410_000, message: "endpoint not found" }];
    hooks.beforePage?.();
    const page = pageOf(activities, url.searchParams);
    return [200, page.map(({ createdAt: _createdAt, ...told }) => told)];
  }

  return {
    ...(await standIn({ answered, port })),
    keys,
    account,
    activities,
    positions,
    hooks,
  };
}

/** So many deposits of a cent each, a second after the other, from an instant on. */
export const deposits = (count: number, from: string, prefix = "d"): readonly Activity[] =>
  Array.from({ length: count }, (_, i) => {
    const at = new Date(Date.parse(from) + i * 1_000).toISOString();
    return {
      id: `${at.replaceAll(/\D/g, "")}::${prefix}${i}`,
      createdAt: at,
      activity_type: "CSD",
      date: at.slice(0, 10),
      net_amount: "0.01",
      description: `Deposit ${prefix}${i}`,
      status: "executed",
    };
  });

const dayMs = 86_400_000;

/**
 * What a small investor does in three months before a day: pays in, buys, sells, gets dividends and pays fees. An activity keeps its id from
 * one day to the next.
 */
export function someMonths(today: Date): readonly Activity[] {
  const activityOn = (day: number, facts: Readonly<Record<string, unknown>>): Activity => {
    const at = new Date(day * dayMs + dayMs / 2).toISOString();
    return {
      id: `${at.replaceAll(/\D/g, "")}::${String(facts["activity_type"])}`,
      createdAt: at,
      status: "executed",
      ...(facts["activity_type"] === "FILL" ? { transaction_time: at } : { date: at.slice(0, 10) }),
      ...facts,
    };
  };
  const fill = (side: string, qty: string, price: string, symbol: string) => ({
    activity_type: "FILL",
    type: "fill",
    side,
    qty,
    price,
    symbol,
  });
  const yesterday = Math.floor(today.getTime() / dayMs) - 1;
  const period = 30;
  const last = Math.floor(yesterday / period) * period;
  const months = [last - 2 * period, last - period, last].flatMap((start) => [
    activityOn(start, {
      activity_type: "CSD",
      net_amount: "500",
      description: "Wire from my bank",
    }),
    activityOn(start + 2, fill("buy", "1.5", String(180 + (start % 7)), "AAPL")),
    activityOn(start + 9, fill("sell", "0.25", String(184 + (start % 7)), "AAPL")),
    activityOn(start + 10, { activity_type: "FEE", net_amount: "-0.03", description: "TAF fee" }),
    activityOn(start + 20, { activity_type: "DIV", net_amount: "0.31", symbol: "AAPL" }),
  ]);
  const until = new Date((yesterday + 1) * dayMs).toISOString();
  return months.filter(({ createdAt = "" }) => createdAt < until);
}
