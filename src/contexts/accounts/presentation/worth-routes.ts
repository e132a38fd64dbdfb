import { Instant } from "#kernel/instant.ts";
import { Currency, Money, SpelledMoney } from "#kernel/money.ts";
import { Count } from "#kernel/scalars.ts";
import { list, named, optional, shape, type Infer } from "#kernel/shape.ts";
import { get, put, type Route } from "#platform/http/route.ts";
import { GetNetWorth, type NetWorth } from "../application/worth/net-worth.ts";
import { QuoteRate } from "../application/worth/quote-rate.ts";
import { quote } from "../domain/exchange.ts";
import type { QuotedRate } from "../domain/rate.ts";
import type { AccountsHandlers } from "../index.ts";

/** All currencies, and some to spare. */
const maxCurrencies = 300;

/** So much of `into` is paid for one of `from`, as `source` said at `quotedAt`. */
const rate = shape({ from: Currency, into: Currency, ...quote });
const RateView = named("QuotedRate", rate);

/** `currencies`: what accounts of each sum to. `missing`: currencies that no quotes lead to the one of the total from: it is without them. */
const NetWorthView = named(
  "NetWorth",
  shape({
    at: Instant,
    currencies: list(shape({ amount: SpelledMoney, accounts: Count }), maxCurrencies),
    total: optional(SpelledMoney),
    conversions: list(
      shape({ amount: SpelledMoney, converted: SpelledMoney, quotes: list(rate, 2) }),
      maxCurrencies,
    ),
    missing: list(Currency, maxCurrencies),
  }),
);

const toRate = ({ version: _version, ...quoted }: QuotedRate): Infer<typeof RateView> => quoted;

const toNetWorth = (worth: NetWorth): Infer<typeof NetWorthView> => ({
  at: worth.at,
  currencies: worth.currencies.map(({ amount, accounts }) => ({
    amount: Money.spell(amount),
    accounts,
  })),
  ...(worth.total ? { total: Money.spell(worth.total) } : {}),
  conversions: worth.conversions.map(({ amount, converted, quotes }) => ({
    amount: Money.spell(amount),
    converted: Money.spell(converted),
    quotes: quotes.map(toRate),
  })),
  missing: worth.missing,
});

export const worthRoutes = (accounts: AccountsHandlers): readonly Route[] => [
  get("/net-worth", {
    access: "signed-in",
    id: "getNetWorth",
    summary: "Get a net worth",
    description:
      "What the caller's active accounts hold and owe, by currency. With `currency` also a total in that currency at the newest quotes, with " +
      "each amount, the quotes that convert it, and the currencies that cannot be converted. Requires `accounts:read` for the user `ownerId`.",
    input: GetNetWorth,
    handle: accounts.getNetWorth,
    success: 200,
    output: NetWorthView,
    present: toNetWorth,
    refusals: { forbidden: 403 },
  }),
  put("/rates/:from/:into", {
    access: "signed-in",
    id: "quoteRate",
    summary: "Quote a rate",
    description:
      "How much of `into` is paid for one of `from`. Totals use the newest quote; an older one than the known changes nothing, and the known one is answered. " +
      "Requires `rates:quote`.",
    input: QuoteRate,
    handle: accounts.quoteRate,
    success: 200,
    output: RateView,
    present: toRate,
    refusals: { "quote-invalid": 422, forbidden: 403, conflict: 409 },
  }),
];
