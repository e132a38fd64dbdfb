import { unchanged, type Change } from "#kernel/change.ts";
import { Instant } from "#kernel/instant.ts";
import { Money, type Currency } from "#kernel/money.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { Version, type Versioned } from "#kernel/version.ts";
import { RateQuoted, type AccountsEvent } from "./events.ts";
import { maxAheadMs, type Quote } from "./exchange.ts";

/** The newest quote of a currency in another. */
export type QuotedRate = Versioned & Quote & { readonly from: Currency; readonly into: Currency };

export type QuoteInvalid = {
  readonly type: "quote-invalid";
  readonly reason: "same-currency" | "quoted-ahead";
};

/** What an amount is in another currency, and the quotes that say so: none where it is the same currency. */
export type Conversion = {
  readonly amount: Money;
  readonly converted: Money;
  readonly quotes: readonly QuotedRate[];
};

type Step = { readonly quote: QuotedRate; readonly isInverse: boolean };
type Quoted = Omit<QuotedRate, "version">;

/** The newest of the quotes of two currencies, of either in the other. */
function stepOf(quotes: readonly QuotedRate[], from: Currency, into: Currency): Step | undefined {
  const steps = quotes.flatMap((quote): Step[] => {
    if (quote.from === from && quote.into === into) return [{ quote, isInverse: false }];
    return quote.from === into && quote.into === from ? [{ quote, isInverse: true }] : [];
  });
  return steps.reduce<Step | undefined>(
    (newest, step) => (newest && newest.quote.quotedAt >= step.quote.quotedAt ? newest : step),
    undefined,
  );
}

/** Over one quote, else over two with a currency between them: the first of those by its code. */
function stepsOf(
  quotes: readonly QuotedRate[],
  from: Currency,
  into: Currency,
): readonly Step[] | undefined {
  const direct = stepOf(quotes, from, into);
  if (direct) return [direct];
  const between = [...new Set(quotes.flatMap((quote) => [quote.from, quote.into]))].toSorted();
  for (const middle of between) {
    const [first, second] = [stepOf(quotes, from, middle), stepOf(quotes, middle, into)];
    if (first && second) return [first, second];
  }
  return undefined;
}

export const QuotedRate = {
  /** The quote, unless a newer one is known. */
  quote(
    known: QuotedRate | undefined,
    quoted: Quoted,
    now: Instant,
  ): Result<Change<QuotedRate, AccountsEvent>, QuoteInvalid> {
    if (quoted.from === quoted.into) return err({ type: "quote-invalid", reason: "same-currency" });
    if (quoted.quotedAt > Instant.plus(now, maxAheadMs))
      return err({ type: "quote-invalid", reason: "quoted-ahead" });
    if (known && known.quotedAt >= quoted.quotedAt) return ok(unchanged(known));
    const state = { ...quoted, version: known?.version ?? Version.none };
    return ok({ state, events: [RateQuoted(quoted)] });
  },

  /** Undefined where no quotes lead from one currency to the other. */
  convert(amount: Money, into: Currency, quotes: readonly QuotedRate[]): Conversion | undefined {
    if (amount.currency === into) return { amount, converted: amount, quotes: [] };
    const steps = stepsOf(quotes, amount.currency, into);
    if (!steps) return undefined;
    const rates = steps.map(({ quote: { rate }, isInverse }) => ({ rate, isInverse }));
    const converted = Money.over(amount, rates, into);
    return { amount, converted, quotes: steps.map(({ quote }) => quote) };
  },
};
