import { Instant } from "#kernel/instant.ts";
import { Money, Rate, SpelledMoney, type Currency, type WeightsInvalid } from "#kernel/money.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import { CurrencyPair } from "./currency-pair.ts";
import type { AccountId } from "./ids.ts";
import { QuoteSource } from "./labels.ts";
import { maxMinor, type Posting } from "./posting.ts";

/** The rate of an exchange, where it comes from, and when it held there. */
export const quote = { rate: Rate, source: QuoteSource, quotedAt: Instant };
export type Quote = {
  readonly rate: Rate;
  readonly source: QuoteSource;
  readonly quotedAt: Instant;
};

/** An amount of one currency for an amount of another. */
export type Exchange = Quote & { readonly sold: Money; readonly bought: Money };

/** As events spell it. */
export const SpelledExchange = shape({ sold: SpelledMoney, bought: SpelledMoney, ...quote });
export type SpelledExchange = Infer<typeof SpelledExchange>;

/**
 * `quoted-ahead`: the rate is said to hold at a time that is yet to come. `trading-account`: accounts of a currency pair are the other side of
 * exchanges, and no side of their own.
 */
export type ExchangeInvalid = {
  readonly type: "exchange-invalid";
  readonly reason:
    | "no-receivers"
    | "trading-account"
    | "same-currency"
    | "not-positive"
    | "too-large"
    | "buys-nothing"
    | "quoted-ahead";
};

/** Clocks of those who quote may be ahead by so much. */
export const maxAheadMs = 60_000;

/** An account that takes part of what is bought, in proportion to its share. */
export type Receiver = { readonly accountId: AccountId; readonly share: bigint };

/** The book's own accounts of a currency pair, which give one currency and take the other. */
export type Trading = { readonly sold: AccountId; readonly bought: AccountId };

const refused = (reason: ExchangeInvalid["reason"]) =>
  err<ExchangeInvalid>({ type: "exchange-invalid", reason });

export const Exchange = {
  /** What is bought for an amount. It is rounded once, halves to the even unit. */
  agree(
    sold: Money,
    into: Currency,
    { now, ...said }: Quote & { readonly now: Instant },
  ): Result<Exchange, ExchangeInvalid> {
    if (sold.currency === into) return refused("same-currency");
    if (sold.minor <= 0n) return refused("not-positive");
    if (said.quotedAt > Instant.plus(now, maxAheadMs)) return refused("quoted-ahead");
    const bought = Money.converted(sold, said.rate, into);
    if (bought.minor === 0n) return refused("buys-nothing");
    if (sold.minor > maxMinor || bought.minor > maxMinor) return refused("too-large");
    return ok({ ...said, sold, bought });
  },

  pair: ({ sold, bought }: Exchange): CurrencyPair =>
    CurrencyPair.of(sold.currency, bought.currency),

  /** What each receiver gets, by largest remainder, so that nothing is lost. It may be nothing. */
  received(
    { bought }: Exchange,
    receivers: readonly Receiver[],
  ): Result<readonly Posting[], WeightsInvalid> {
    const parts = Money.allocate(
      bought,
      receivers.map(({ share }) => share),
    );
    if (!parts.ok) return parts;
    return ok(
      parts.value.flatMap((amount, i) => {
        const receiver = receivers[i];
        return receiver ? [{ accountId: receiver.accountId, amount }] : [];
      }),
    );
  },

  /** Postings that sum to zero in both currencies. Receivers whose part is nothing have none. */
  postings(
    exchange: Exchange,
    from: AccountId,
    receivers: readonly Receiver[],
    trading: Trading,
  ): Result<readonly Posting[], WeightsInvalid> {
    const { sold, bought } = exchange;
    const received = Exchange.received(exchange, receivers);
    if (!received.ok) return received;
    return ok([
      { accountId: from, amount: Money.negated(sold) },
      { accountId: trading.sold, amount: sold },
      { accountId: trading.bought, amount: Money.negated(bought) },
      ...received.value.filter(({ amount }) => amount.minor !== 0n),
    ]);
  },

  spell: ({ sold, bought, ...said }: Exchange): SpelledExchange => ({
    sold: Money.spell(sold),
    bought: Money.spell(bought),
    ...said,
  }),
};
