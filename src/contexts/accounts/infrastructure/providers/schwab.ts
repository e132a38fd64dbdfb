import { below } from "#platform/address.ts";
import { CivilDate } from "#kernel/civil-date.ts";
import type { Context } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { Currency, Money } from "#kernel/money.ts";
import { err, expect, ok, type Result } from "#kernel/result.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import type {
  Provider,
  ProviderFailure,
  ProviderPage,
  Raw,
  Remote,
  RemoteWith,
  RowIgnored,
  RowUnreadable,
} from "../../application/ports/providers.ts";
import type { ToldHoldings } from "../../domain/holding.ts";
import { Counterparty, ExternalId, Remark, type Observation } from "../../domain/observation.ts";
import type { FailureReason, ProviderId } from "../../domain/provider.ts";
import { dayOf, unreadable, worded } from "../statements/cells.ts";
import { asking, recordsOf } from "./asking.ts";
import { decimalOf, fitting, isTooLarge, moneyOf, times, unreadableAnswer } from "./decimals.ts";
import { inside, rawOf } from "./json.ts";
import { brokerage, rowOf } from "./page.ts";
import { oauthLogin } from "./oauth.ts";
import { holdingsOf, sumOf } from "./positions.ts";

const name = "schwab";
const format = "schwab-transaction";
/** Schwab tells no currency: its accounts are in dollars. */
const dollars = expect(Currency.parse("USD"));
/** Schwab publishes no limit for questions; its customers count on so many. */
const budget = { requests: 120, perS: 60 };
/** The most rows of one answer. Schwab leaves out any further rows, and does not say so. */
const mostRows = 3_000;
const maxBytes = 16 * 1024 * 1024;
const dayMs = 86_400_000;
/** Of one question. */
const mostWindowMs = 365 * dayMs;
/** A window that is no shorter than this can be split. */
const leastWindowMs = 1_000;
/** A login ends so long after it, whatever is refreshed. */
const loginMs = 7 * dayMs;
/** All types are to be named. */
const types = [
  "TRADE",
  "RECEIVE_AND_DELIVER",
  "DIVIDEND_OR_INTEREST",
  "ACH_RECEIPT",
  "ACH_DISBURSEMENT",
  "CASH_RECEIPT",
  "CASH_DISBURSEMENT",
  "ELECTRONIC_FUND",
  "WIRE_OUT",
  "WIRE_IN",
  "JOURNAL",
  "MEMORANDUM",
  "MARGIN_CALL",
  "MONEY_MARKET",
  "SMA_ADJUSTMENT",
].join(",");

/** The first item that is no money: what was bought, sold or moved. Fees are items in a currency. */
function instrumentOf(raw: Raw): { readonly symbol?: string; readonly words?: string } {
  for (let i = 0; raw[`transferItems.${i}.amount`] !== undefined; i += 1) {
    const item = (field: string) => raw[`transferItems.${i}.${field}`];
    if (item("instrument.assetType") === "CURRENCY") continue;
    const [symbol, price] = [item("instrument.symbol"), item("price")];
    const words = `${item("positionEffect") ?? ""} ${item("amount")}${price === undefined ? "" : ` at ${price}`}`;
    return { ...(symbol === undefined ? {} : { symbol }), words: words.trim() };
  }
  return {};
}

/** What a transaction says. Of a type or a state that Schwab adds later its amount counts all the same. */
function observe(
  _format: string,
  raw: Raw,
  currency: Currency | undefined,
): Result<Observation, RowUnreadable | RowIgnored> {
  if (currency === undefined) return unreadable("currency-missing");
  const day = dayOf(raw["tradeDate"] ?? raw["time"], ["iso"], "tradeDate");
  if (!day.ok) return day;
  if (raw["netAmount"] === undefined) return unreadable("amount-missing", "netAmount");
  const said = decimalOf(raw["netAmount"]);
  if (!said) return unreadable("amount-invalid", "netAmount");
  const amount = Money.rounded(said.digits, said.after, currency);
  if (isTooLarge(amount)) return unreadable("amount-too-large", "netAmount");
  if (raw["activityId"] === undefined) return unreadable("id-missing", "activityId");
  const externalId = ExternalId.parse(raw["activityId"]);
  if (!externalId.ok) return unreadable("id-invalid", "activityId");
  const isTakenBack = raw["status"] === "INVALID";
  if (amount.minor === 0n && !isTakenBack)
    return err({ type: "row-ignored", reason: "zero-amount" });
  const { symbol, words } = instrumentOf(raw);
  const counterparty = worded(Counterparty, symbol ?? raw["description"] ?? raw["type"]);
  const remark = worded(Remark, words ?? raw["type"]);
  return ok({
    status: raw["status"] === "PENDING" ? "pending" : "booked",
    date: day.value,
    amount,
    externalId: externalId.value,
    ...(counterparty === undefined ? {} : { counterparty }),
    ...(remark === undefined ? {} : { remark }),
    ...(isTakenBack ? { corrects: { of: externalId.value, action: "delete" } } : {}),
  });
}

type Ask = ReturnType<typeof asking>;
type Deps = { readonly ask: Ask; readonly clock: Clock };
type Asked = Parameters<RemoteWith<string>["page"]>[0];
type Fetched = Promise<Result<ProviderPage, ProviderFailure>>;

const questionOf = (access: string, path: string, query = {}) => ({
  path: `/trader/v1${path}`,
  query,
  customer: access,
  headers: { authorization: `Bearer ${access}` },
});

type Numbered = { readonly number: ExternalId; readonly hash: string };

/** The accounts of a customer, by their numbers, and the hashes that stand for them in paths today. */
async function numbersOf(
  ask: Ask,
  access: string,
  context: Context,
): Promise<Result<readonly Numbered[], ProviderFailure>> {
  const answer = await ask(questionOf(access, "/accounts/accountNumbers"), context);
  const records = answer.ok ? recordsOf(answer.value) : answer;
  if (!records.ok) return records;
  const found = records.value.flatMap((record): readonly Numbered[] => {
    const { accountNumber, hashValue: hash } = rawOf(record);
    const number = ExternalId.parse(accountNumber);
    const isHash = hash !== undefined && /^[\w-]{1,256}$/.test(hash);
    return number.ok && isHash ? [{ number: number.value, hash }] : [];
  });
  // Who has no accounts has nothing to connect: an empty answer is none.
  const isWhole = found.length > 0 && found.length === records.value.length;
  return isWhole ? ok(found) : unreadableAnswer;
}

type Had = { readonly cash: Money | undefined; readonly holdings: ToldHoldings };

/** A position, whether it is held or owed. */
function positionOf(record: unknown) {
  const { longQuantity, shortQuantity, averagePrice, marketValue, ...raw } = rawOf(record);
  const [long, short] = [decimalOf(longQuantity ?? "0"), decimalOf(shortQuantity ?? "0")];
  const owed = short && short.digits !== 0n ? { ...short, digits: -short.digits } : undefined;
  const quantity = owed ?? long;
  const price = decimalOf(averagePrice);
  const cost = quantity && price && times(quantity, price);
  return {
    instrument: raw["instrument.symbol"] ?? raw["instrument.cusip"],
    quantity,
    costBasis: cost && fitting(Money.rounded(cost.digits, cost.after, dollars)),
    marketValue,
  };
}

/** What an account has in cash, of which it is not said what it means beside a loan, and what else it holds. */
function hadBy(account: unknown, asOf: Instant): Had {
  const raw = rawOf(inside(account, "currentBalances"));
  const loan = moneyOf(raw["marginBalance"] ?? "0", dollars);
  const cash = loan?.minor === 0n ? moneyOf(raw["cashBalance"], dollars) : undefined;
  const told = inside(account, "positions");
  const positions = Array.isArray(told) ? told.map(positionOf) : [];
  // Positions and totals come in one answer, and the totals may not count every kind of position: they only confirm that there are none.
  const total =
    positions.length > 0 ? undefined : sumOf(raw, ["longMarketValue", "shortMarketValue"], dollars);
  return { cash, holdings: holdingsOf(positions, { currency: dollars, asOf, total }) };
}

/** What accounts have, by their numbers. */
async function hadOf(
  { ask, clock }: Deps,
  access: string,
  context: Context,
): Promise<Result<ReadonlyMap<string, Had>, ProviderFailure>> {
  const query = { fields: "positions" };
  const answer = await ask(questionOf(access, "/accounts", query), context);
  const records = answer.ok ? recordsOf(answer.value) : answer;
  if (!records.ok) return records;
  const had = records.value.flatMap((record) => {
    const account = inside(record, "securitiesAccount");
    const number = inside(account, "accountNumber");
    return typeof number === "string" ? [[number, hadBy(account, clock.now())] as const] : [];
  });
  return ok(new Map(had));
}

/** A window of one account that is not asked for yet, of the newest rows last. */
type Window = { readonly account: number; readonly from: Instant; readonly until: Instant };
/** Where the walk is: the accounts in their order, the windows that are left, and what cash was when it began, in minor units. */
type Place = {
  readonly numbers: readonly ExternalId[];
  readonly windows: readonly Window[];
  /** Why something was left out so far. */
  readonly lacks?: FailureReason;
  readonly cash: Readonly<Record<string, string>>;
};

function windowsOf(account: number, from: Instant, until: Instant): readonly Window[] {
  const end = Instant.plus(from, mostWindowMs);
  return end >= until
    ? [{ account, from, until }]
    : [{ account, from, until: end }, ...windowsOf(account, end, until)];
}

/** The first page: the accounts, and the windows in which their transactions are asked for. */
async function accountsPage(deps: Deps, asked: Asked, context: Context): Fetched {
  const { credentials: access, from, history } = asked;
  const known = await numbersOf(deps.ask, access, context);
  if (!known.ok) return known;
  const had = await hadOf(deps, access, context);
  if (!had.ok) return had;
  const numbers = known.value.map(({ number }) => number);
  const place: Place = {
    numbers,
    windows: numbers.flatMap((number, account) =>
      windowsOf(account, history.besides.includes(number) ? from : history.since, deps.clock.now()),
    ),
    cash: Object.fromEntries(
      [...had.value].flatMap(([number, { cash }]) => (cash ? [[number, String(cash.minor)]] : [])),
    ),
  };
  return ok({
    accounts: numbers.map((externalId) => brokerage({ format, externalId, currency: dollars })),
    rows: [],
    balances: [],
    next: JSON.stringify(place),
  });
}

/** Holdings, and cash that has not moved since the walk began: what has moved it may not have been seen. */
async function endOf(
  deps: Deps,
  { access, place }: { readonly access: string; readonly place: Place },
  context: Context,
): Promise<Result<Pick<ProviderPage, "balances" | "holdings">, ProviderFailure>> {
  const had = await hadOf(deps, access, context);
  if (!had.ok) return had;
  const at = deps.clock.now();
  const found = place.numbers.flatMap((number, statement) => {
    const untold: Had = { cash: undefined, holdings: { holdings: [], extent: "partial" } };
    return [{ number, statement, ...(had.value.get(number) ?? untold) }];
  });
  return ok({
    holdings: found.map(({ statement, holdings }) => ({ statement, ...holdings })),
    balances: found.flatMap(({ number, statement, cash: amount }) => {
      const isStill = amount && String(amount.minor) === place.cash[number];
      return isStill ? [{ statement, balance: { amount, on: CivilDate.ofInstant(at), at } }] : [];
    }),
  });
}

/** The two halves of a window; undefined where it is too short for that. */
function halves({ account, from, until }: Window): readonly Window[] | undefined {
  const lasts = Instant.toUnixMs(until) - Instant.toUnixMs(from);
  const middle = Instant.plus(from, Math.floor(lasts / 2));
  return lasts > leastWindowMs
    ? [
        { account, from, until: middle },
        { account, from: middle, until },
      ]
    : undefined;
}

/** The transactions of a window. A full answer may not be whole, so that its halves are asked for in its place. */
async function windowPage(deps: Deps, asked: Asked, context: Context): Fetched {
  const { credentials: access, cursor = "" } = asked;
  const place = JSON.parse(cursor) as Place;
  const [window, ...later] = place.windows;
  if (!window) return unreadableAnswer;
  const known = await numbersOf(deps.ask, access, context);
  if (!known.ok) return known;
  const answer = await transactionsOf(
    deps.ask,
    { access, window, known: known.value, place },
    context,
  );
  // If Schwab refuses to show one account, the others are fetched all the same.
  const isRefused = !answer.ok && answer.error.reason === "refused";
  if (!answer.ok && !isRefused) return answer;
  const records = answer.ok ? answer.value : [];
  const split = records.length >= mostRows ? halves(window) : [];
  const isCut = split === undefined;
  const isSplit = split !== undefined && split.length > 0;
  const lacks = isRefused ? "refused" : isCut ? "unreadable" : place.lacks;
  const rows = isSplit ? [] : records.map((record) => rowOf(window.account, record, "activityId"));
  const windows = [...(split ?? []), ...later];
  const more = lacks === undefined ? {} : { lacks };
  if (windows.length > 0) {
    const next = JSON.stringify({ ...place, ...more, windows });
    return ok({ accounts: [], rows, balances: [], next });
  }
  const end = await endOf(deps, { access, place }, context);
  return end.ok ? ok({ accounts: [], rows, ...more, ...end.value }) : end;
}

type Fetching = {
  readonly access: string;
  readonly window: Window;
  readonly known: readonly Numbered[];
  readonly place: Place;
};

/** The transactions of a window. An account that is told of no more is left to the next sync. */
async function transactionsOf(
  ask: Ask,
  { access, window: { account, from, until }, known, place }: Fetching,
  context: Context,
): Promise<Result<readonly unknown[], ProviderFailure>> {
  const hash = known.find(({ number }) => number === place.numbers[account])?.hash;
  if (hash === undefined) return unreadableAnswer;
  const query = { startDate: from, endDate: until, types };
  const answer = await ask(questionOf(access, `/accounts/${hash}/transactions`, query), context);
  return answer.ok ? recordsOf(answer.value) : answer;
}

type Options = {
  readonly baseUrl: string;
  /** The application at Schwab; without one nobody signs in. */
  readonly client: Parameters<typeof oauthLogin>[0]["client"] | undefined;
  readonly clock: Clock;
  readonly metrics: Metrics;
};

/** Charles Schwab, by its Trader API. All accounts of a customer open with one login. Source: developer.schwab.com. */
export function schwab({ baseUrl, client, clock, metrics }: Options): Provider {
  return {
    id: name as ProviderId,
    name: "Charles Schwab",
    abilities: ["accounts", "balances", "transactions", "holdings"],
    ids: "stable",
    observe,
    ...(client ? { remote: remoteBy({ baseUrl, client, clock, metrics }) } : {}),
  };
}

/** What is fetched once an application is set up. */
function remoteBy({
  baseUrl,
  client,
  clock,
  metrics,
}: Options & { readonly client: NonNullable<Options["client"]> }): Remote {
  const ask = asking({ name, baseUrl, budget, maxBytes, clock, metrics });
  return {
    connectsWith: "login",
    historyDays: 365,
    overlapDays: 14,
    login: oauthLogin({
      name,
      authorizeUrl: below(baseUrl, "/v1/oauth/authorize"),
      tokenUrl: below(baseUrl, "/v1/oauth/token"),
      client,
      lastsMs: loginMs,
      clock,
      metrics,
    }),
    page: (asked, context) =>
      asked.cursor === undefined
        ? accountsPage({ ask, clock }, asked, context)
        : windowPage({ ask, clock }, asked, context),
    async accounts(access, context) {
      const known = await numbersOf(ask, access, context);
      return known.ok ? ok(known.value.map(({ number }) => number)) : known;
    },
  };
}
