import { Instant } from "#kernel/instant.ts";
import { Currency, Money, SpelledMoney } from "#kernel/money.ts";
import { Count } from "#kernel/scalars.ts";
import { described, list, named, optional, shape, type Infer } from "#kernel/shape.ts";
import { get, put, type Route } from "#platform/http/route.ts";
import { GetNetWorth, type NetWorth } from "../application/worth/net-worth.ts";
import { ListHoldings } from "../application/worth/list-holdings.ts";
import { QuoteRate } from "../application/worth/quote-rate.ts";
import { quote } from "../domain/exchange.ts";
import { Instrument, maxHoldings, Quantity, type Holding } from "../domain/holding.ts";
import type { QuotedRate } from "../domain/rate.ts";
import type { AccountsHandlers } from "../index.ts";

/** All currencies, and some to spare. */
const maxCurrencies = 300;

/** So much of `into` is paid for one of `from`, as `source` said at `quotedAt`. */
const rate = shape({ from: Currency, into: Currency, ...quote });
const RateView = named("QuotedRate", rate);

/** What accounts of each currency sum to, and a total. */
const NetWorthView = named(
  "NetWorth",
  shape({
    at: Instant,
    currencies: list(
      shape({
        amount: SpelledMoney,
        accounts: Count,
        holdings: optional(
          shape({
            amount: SpelledMoney,
            positions: Count,
            asOf: described("When the oldest value among them was told", Instant),
          }),
        ),
      }),
      maxCurrencies,
    ),
    total: optional(SpelledMoney),
    conversions: list(
      shape({ amount: SpelledMoney, converted: SpelledMoney, quotes: list(rate, 2) }),
      maxCurrencies,
    ),
    missing: described(
      "Currencies that no quotes lead to the one of the total from: it is without them",
      list(Currency, maxCurrencies),
    ),
  }),
);

const toRate = ({ version: _version, ...quoted }: QuotedRate): Infer<typeof RateView> => quoted;

const toNetWorth = (worth: NetWorth): Infer<typeof NetWorthView> => ({
  at: worth.at,
  currencies: worth.currencies.map(({ amount, accounts, holdings }) => ({
    amount: Money.spell(amount),
    accounts,
    ...(holdings ? { holdings: { ...holdings, amount: Money.spell(holdings.amount) } } : {}),
  })),
  ...(worth.total ? { total: Money.spell(worth.total) } : {}),
  conversions: worth.conversions.map(({ amount, converted, quotes }) => ({
    amount: Money.spell(amount),
    converted: Money.spell(converted),
    quotes: quotes.map(toRate),
  })),
  missing: worth.missing,
});

/** `costBasis`: what was paid for it. */
const HoldingListView = named(
  "HoldingList",
  shape({
    items: list(
      shape({
        instrument: described("As the provider calls it: a ticker symbol, mostly", Instrument),
        quantity: described("Negative where it is owed", Quantity),
        costBasis: optional(SpelledMoney),
        marketValue: SpelledMoney,
        asOf: described("When the provider said so", Instant),
      }),
      maxHoldings,
    ),
  }),
);

const toHoldings = (holdings: readonly Holding[]): Infer<typeof HoldingListView> => ({
  items: holdings.map(({ costBasis, marketValue, ...holding }) => ({
    ...holding,
    ...(costBasis ? { costBasis: Money.spell(costBasis) } : {}),
    marketValue: Money.spell(marketValue),
  })),
});

export const worthRoutes = (accounts: AccountsHandlers): readonly Route[] => [
  get("/accounts/:accountId/holdings", {
    access: "signed-in",
    id: "listHoldings",
    summary: "List the holdings of an account",
    description:
      "Lists what an account elsewhere holds besides money, by instrument, as its provider valued it in the last sync. An incomplete answer of the provider removes no holding.",
    input: ListHoldings,
    handle: accounts.listHoldings,
    success: 200,
    output: HoldingListView,
    present: toHoldings,
    refusals: { "account-not-found": 404, forbidden: 403 },
  }),
  get("/net-worth", {
    access: "signed-in",
    id: "getNetWorth",
    summary: "Get a net worth",
    description:
      "What the caller's active accounts hold and owe, by currency, with their holdings at the values that providers told. With `currency` also a total in that currency at the newest quotes, with " +
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
      "Sets how much of `into` is paid for one of `from`. Totals use the newest quote; an older quote than the current one is ignored, and the current one is returned. " +
      "Requires `rates:quote`.",
    input: QuoteRate,
    handle: accounts.quoteRate,
    success: 200,
    output: RateView,
    present: toRate,
    refusals: { "quote-invalid": 422, forbidden: 403, conflict: 409 },
  }),
];
