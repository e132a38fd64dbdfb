import { CivilDate } from "#kernel/civil-date.ts";
import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import { Money, type Currency, type WeightsInvalid } from "#kernel/money.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { branded, list, optional, shape, type Brand, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Account } from "../../domain/account.ts";
import { Entry } from "../../domain/entry.ts";
import {
  Exchange,
  quote,
  type ExchangeInvalid,
  type Quote,
  type Receiver,
  type Trading,
} from "../../domain/exchange.ts";
import { AccountId, EntryId } from "../../domain/ids.ts";
import { Memo, Tags } from "../../domain/labels.ts";
import { Ledger, type MovementRefused } from "../../domain/ledger.ts";
import { Postings, type PostingsInvalid } from "../../domain/posting.ts";
import { Permissions } from "../permission.ts";
import type { AccountsScope } from "../ports/scope.ts";
import type { DateInvalid } from "./dates.ts";
import { takenOn } from "./post-entry.ts";

/** Accounts that share what an exchange buys, at most. */
export const maxReceivers = 100;

/** A share of what is bought, in proportion to the shares of the other receivers. */
export type Share = Brand<number, "Share">;
export const Share = branded<Share>("share", {
  schema: { type: "integer", minimum: 1, maximum: 1_000_000 },
});

/** Sells `amount` of the account `from`. What is bought goes to the accounts of `to`, in equal shares unless said. */
export const MakeExchange = shape({
  from: AccountId,
  amount: Money,
  to: list(shape({ accountId: AccountId, share: optional(Share) }), maxReceivers),
  ...quote,
  date: optional(CivilDate),
  memo: optional(Memo),
  tags: optional(Tags),
});
export type MakeExchange = Infer<typeof MakeExchange>;

type Deps = {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly read: Read<AccountsScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
};
type Refusal =
  | ExchangeInvalid
  | WeightsInvalid
  | PostingsInvalid
  | MovementRefused
  | DateInvalid
  | Forbidden
  | Conflict;
type Outcome = Result<Entry, Refusal>;

/**
 * Exchanges money of one currency for money of another, through the book's own accounts of the pair. They are opened with the first
 * exchange of the pair.
 */
export function makeExchange(deps: Deps) {
  const { unitOfWork, mayAct, clock, newId } = deps;
  return async (
    { from, amount, to, date: wanted, memo, tags = [], ...said }: MakeExchange,
    context: Context,
  ): Promise<Outcome> => {
    const allowed = await mayAct(context, Permissions.makeExchange);
    if (!allowed.ok) return allowed;
    const receivers = to.map(({ accountId, share = 1 }) => ({ accountId, share: BigInt(share) }));
    const exchange = await agreed({ from, amount, receivers, ...said }, deps, context);
    if (!exchange.ok) return exchange;
    const trading = await tradingFor(exchange.value, deps, context);
    if (!trading.ok) return trading;
    const postings = Exchange.postings(exchange.value, from, receivers, trading.value);
    if (!postings.ok) return postings;
    const balanced = Postings.balanced(postings.value);
    if (!balanced.ok) return balanced;

    return unitOfWork(context, async ({ accounts, journal }): Promise<Outcome> => {
      const now = clock.now();
      const date = await takenOn(accounts, balanced.value, { wanted, now });
      if (!date.ok) return date;
      const entry = Entry.post({
        id: newId(EntryId),
        date: date.value,
        postings: balanced.value,
        ...(memo === undefined ? {} : { memo }),
        tags,
        exchange: exchange.value,
      });
      journal.post(entry, now);
      return ok(entry.state);
    });
  };
}

type Asked = Quote & {
  readonly from: AccountId;
  readonly amount: Money;
  readonly receivers: readonly Receiver[];
};

/** The exchange, if the accounts can take their sides of it as they are now: no account is opened for one that cannot be. */
async function agreed(
  { from, amount, receivers, ...said }: Asked,
  { read, clock }: Pick<Deps, "read" | "clock">,
  context: Context,
): Promise<Result<Exchange, ExchangeInvalid | WeightsInvalid | MovementRefused>> {
  const [first] = receivers;
  if (!first) return err({ type: "exchange-invalid", reason: "no-receivers" });
  const ids = new Set([from, ...receivers.map(({ accountId }) => accountId)]);
  const before = await read(context, ({ accounts }) => accounts.byIds([...ids]));
  if ([...before.values()].some(({ pair }) => pair !== undefined))
    return err({ type: "exchange-invalid", reason: "trading-account" });
  const sold = Ledger.move(before, [{ accountId: from, amount: Money.negated(amount), held: 0n }]);
  const into = before.get(first.accountId);
  if (!into) return err({ type: "account-not-found", accountId: first.accountId });
  const exchange = Exchange.agree(amount, into.currency, { ...said, now: clock.now() });
  if (!exchange.ok) return exchange;
  if (!sold.ok) return sold;
  const received = Exchange.received(exchange.value, receivers);
  if (!received.ok) return received;
  const moved = Ledger.move(sold.value, Postings.movements(received.value));
  return moved.ok ? exchange : moved;
}

type Pair = Pick<Exchange, "sold" | "bought">;
type TradingAccounts = ReadonlyMap<Currency, Account>;

function tradingIn(found: TradingAccounts, { sold, bought }: Pair): Trading | undefined {
  const [taking, giving] = [found.get(sold.currency), found.get(bought.currency)];
  return taking && giving && { sold: taking.id, bought: giving.id };
}

/** The book's own accounts of a pair; they are opened if this is its first exchange. */
async function tradingFor(
  exchange: Exchange,
  { unitOfWork, read, clock, newId }: Deps,
  { idempotency: _key, ...context }: Context,
): Promise<Result<Trading, Conflict>> {
  const pair = Exchange.pair(exchange);
  const known = await read(context, ({ accounts }) => accounts.trading(pair));
  const trading = tradingIn(known, exchange);
  if (trading) return ok(trading);
  return unitOfWork(context, async ({ accounts }): Promise<Result<Trading, Conflict>> => {
    const found = tradingIn(await accounts.trading(pair), exchange);
    if (found) return ok(found);
    const open = (currency: Currency) =>
      accounts.save(
        Account.openTrading({ id: newId(AccountId), pair, currency, openedAt: clock.now() }),
      ).id;
    return ok({ sold: open(exchange.sold.currency), bought: open(exchange.bought.currency) });
  });
}
