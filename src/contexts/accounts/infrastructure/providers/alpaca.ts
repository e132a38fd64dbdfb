import { Currency, Money } from "#kernel/money.ts";
import { CivilDate } from "#kernel/civil-date.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Context } from "#kernel/context.ts";
import type { Clock, Instant } from "#kernel/instant.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import type {
  Keys,
  Provider,
  ProviderFailure,
  ProviderPage,
  Raw,
  RemoteWith,
  RowIgnored,
  RowUnreadable,
} from "../../application/ports/providers.ts";
import { Counterparty, ExternalId, Remark, type Observation } from "../../domain/observation.ts";
import type { ToldHoldings } from "../../domain/holding.ts";
import type { ProviderId } from "../../domain/provider.ts";
import type { StatementHead } from "../../domain/statement-import.ts";
import { dayOf, unreadable, worded } from "../statements/cells.ts";
import { asking, recordsOf } from "./asking.ts";
import {
  decimalOf,
  isTooLarge,
  moneyOf,
  times,
  unreadableAnswer,
  type Decimal,
} from "./decimals.ts";
import { rawOf } from "./json.ts";
import { brokerage, rowOf } from "./page.ts";
import { holdingsOf, sumOf } from "./positions.ts";

/** The most that Alpaca gives at once. */
const pageSize = 100;
const format = "alpaca-activity";
/** As Alpaca limits each account. */
const budget = { requests: 200, perS: 60 };

/** Whether an execution moves money into the account or out of it. */
const directions: ReadonlyMap<string, bigint> = new Map([
  ["buy", -1n],
  ["sell", 1n],
  ["sell_short", 1n],
]);

/** What an execution has moved: its price so many times, out of the account where something was bought. */
function moved({ price, qty, side }: Raw): Decimal | undefined {
  const [each, count] = [decimalOf(price), decimalOf(qty)];
  const all = each && count && times(each, count);
  const direction = directions.get(side ?? "");
  return all && direction !== undefined && all.digits >= 0n
    ? { ...all, digits: direction * all.digits }
    : undefined;
}

const isExecution = ({ activity_type: type }: Raw) => type === "FILL";

function amountOf(raw: Raw, currency: Currency): Result<Money, RowUnreadable> {
  const field = isExecution(raw) ? "price" : "net_amount";
  if (raw[field] === undefined) return unreadable("amount-missing", field);
  const said = isExecution(raw) ? moved(raw) : decimalOf(raw["net_amount"]);
  if (!said) return unreadable("amount-invalid", field);
  const amount = Money.rounded(said.digits, said.after, currency);
  return isTooLarge(amount) ? unreadable("amount-too-large", field) : ok(amount);
}

/** The words of an activity: of an execution what was bought or sold, and how much for how much each. */
function wordsOf(raw: Raw): readonly [string | undefined, string | undefined] {
  const { symbol, side, qty, price, description, activity_type: type } = raw;
  return isExecution(raw)
    ? [symbol, `${side} ${qty} at ${price}`]
    : [description?.trim() === "" ? (symbol ?? type) : (description ?? symbol ?? type), type];
}

/** What an activity says. Of a type that Alpaca adds later its amount counts all the same. */
function observe(
  _format: string,
  raw: Raw,
  currency: Currency | undefined,
): Result<Observation, RowUnreadable | RowIgnored> {
  if (currency === undefined) return unreadable("currency-missing");
  const day = dayOf(raw["date"] ?? raw["transaction_time"], ["iso"], "date");
  if (!day.ok) return day;
  const amount = amountOf(raw, currency);
  if (!amount.ok) return amount;
  const id = raw["id"] === undefined ? undefined : ExternalId.parse(raw["id"]);
  if (id && !id.ok) return unreadable("id-invalid", "id");
  const externalId = id?.value;
  const isTakenBack = raw["status"] === "canceled";
  if (isTakenBack && externalId === undefined) return unreadable("id-missing", "id");
  if (amount.value.minor === 0n && !isTakenBack)
    return err({ type: "row-ignored", reason: "zero-amount" });
  const [who, more] = wordsOf(raw);
  const counterparty = worded(Counterparty, who);
  const remark = worded(Remark, more);
  return ok({
    status: "booked",
    date: day.value,
    amount: amount.value,
    ...(externalId === undefined ? {} : { externalId }),
    ...(counterparty === undefined ? {} : { counterparty }),
    ...(remark === undefined ? {} : { remark }),
    ...(isTakenBack && externalId !== undefined
      ? { corrects: { of: externalId, action: "delete" } }
      : {}),
  });
}

type Ask = ReturnType<typeof asking>;
type Asked = Parameters<RemoteWith<Keys>["page"]>[0];

const questionOf = ({ id, secret }: Keys, path: string, query = {}) => ({
  path,
  query,
  customer: `${id} ${secret}`,
  headers: { "APCA-API-KEY-ID": id, "APCA-API-SECRET-KEY": secret },
});

type Account = {
  readonly head: StatementHead & { readonly externalId: ExternalId; readonly currency: Currency };
  readonly cash: Money;
  /** What its positions are worth, if Alpaca says so. */
  readonly positions: Money | undefined;
};

/** The account of the keys, its cash now, and what its positions are worth. */
async function accountOf(
  ask: Ask,
  keys: Keys,
  context: Context,
): Promise<Result<Account, ProviderFailure>> {
  const answer = await ask(questionOf(keys, "/v2/account"), context);
  if (!answer.ok) return answer;
  const raw = rawOf(answer.value);
  const [number, code] = [ExternalId.parse(raw["account_number"]), Currency.parse(raw["currency"])];
  if (!number.ok || !code.ok) return unreadableAnswer;
  const [externalId, currency] = [number.value, code.value];
  const cash = moneyOf(raw["cash"], currency);
  if (!cash) return unreadableAnswer;
  const head = brokerage({ format, externalId, currency });
  const positions = sumOf(raw, ["long_market_value", "short_market_value"], currency);
  return ok({ head, cash, positions });
}

/** What the account holds besides money. */
async function positionsOf(
  ask: Ask,
  keys: Keys,
  {
    account: { head, positions: total },
    asOf,
  }: { readonly account: Account; readonly asOf: Instant },
  context: Context,
): Promise<Result<ToldHoldings, ProviderFailure>> {
  const answer = await ask(questionOf(keys, "/v2/positions"), context);
  const records = answer.ok ? recordsOf(answer.value) : answer;
  if (!records.ok) return records;
  const { currency } = head;
  const positions = records.value.map((record) => {
    const { symbol, qty, cost_basis: cost, market_value: marketValue } = rawOf(record);
    const quantity = decimalOf(qty);
    return { instrument: symbol, quantity, costBasis: moneyOf(cost, currency), marketValue };
  });
  return ok(holdingsOf(positions, { currency, asOf, total }));
}

/** Where the walk over activities is: after which one, and the cash, in minor units, when it began. */
type Place = { readonly cash: string; readonly after?: string };

async function accountPage(
  ask: Ask,
  { credentials: keys }: Asked,
  context: Context,
): Promise<Result<ProviderPage, ProviderFailure>> {
  const account = await accountOf(ask, keys, context);
  if (!account.ok) return account;
  const { head, cash } = account.value;
  const place: Place = { cash: cash.minor.toString() };
  return ok({ accounts: [head], rows: [], balances: [], next: JSON.stringify(place) });
}

/** The holdings, and the cash if it is the same as when the walk began. Cash that has changed may include an activity that the walk has not read. */
async function endOf(
  { ask, clock }: { readonly ask: Ask; readonly clock: Clock },
  { keys, cash: before }: { readonly keys: Keys; readonly cash: string },
  context: Context,
): Promise<Result<Pick<ProviderPage, "balances" | "holdings">, ProviderFailure>> {
  const account = await accountOf(ask, keys, context);
  if (!account.ok) return account;
  const { cash: amount } = account.value;
  const at = clock.now();
  const told = await positionsOf(ask, keys, { account: account.value, asOf: at }, context);
  if (!told.ok) return told;
  const isStill = amount.minor.toString() === before;
  const balance = { amount, on: CivilDate.ofInstant(at), at };
  return ok({
    balances: isStill ? [{ statement: 0, balance }] : [],
    holdings: [{ statement: 0, ...told.value }],
  });
}

/** The oldest activities after one of them: what happens meanwhile comes last, and moves no border between pages. */
async function activityPage(
  { ask, clock }: { readonly ask: Ask; readonly clock: Clock },
  { credentials: keys, from, cursor = "{}" }: Asked,
  context: Context,
): Promise<Result<ProviderPage, ProviderFailure>> {
  const { cash, after } = JSON.parse(cursor) as Place;
  const query = {
    direction: "asc",
    page_size: String(pageSize),
    after: from,
    ...(after === undefined ? {} : { page_token: after }),
  };
  const answer = await ask(questionOf(keys, "/v2/account/activities", query), context);
  const records = answer.ok ? recordsOf(answer.value) : answer;
  if (!records.ok) return records;
  const rows = records.value.map((record) => rowOf(0, record, "id"));
  if (rows.length < pageSize) {
    const end = await endOf({ ask, clock }, { keys, cash }, context);
    return end.ok ? ok({ accounts: [], rows, ...end.value }) : end;
  }
  const last = rows.at(-1)?.raw["id"];
  // There is no asking for what comes after an activity without an id.
  if (last === undefined) return unreadableAnswer;
  const next: Place = { cash, after: last };
  return ok({ accounts: [], rows, balances: [], next: JSON.stringify(next) });
}

type Options = { readonly baseUrl: string; readonly clock: Clock; readonly metrics: Metrics };

/** Alpaca, by its Trading API v2: one account for each pair of keys. Source: docs.alpaca.markets. */
export function alpaca({ baseUrl, clock, metrics }: Options): Provider {
  const ask = asking({ name: "alpaca", baseUrl, budget, clock, metrics });
  return {
    id: "alpaca" as ProviderId,
    name: "Alpaca",
    abilities: ["accounts", "balances", "transactions", "holdings"],
    ids: "stable",
    observe,
    remote: {
      connectsWith: "keys",
      historyDays: 3_650,
      overlapDays: 7,
      page: (asked, context) =>
        asked.cursor === undefined
          ? accountPage(ask, asked, context)
          : activityPage({ ask, clock }, asked, context),
      async accounts(keys, context) {
        const account = await accountOf(ask, keys, context);
        return account.ok ? ok([account.value.head.externalId]) : account;
      },
    },
  };
}
