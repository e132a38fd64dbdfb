import type { Currency } from "#kernel/money.ts";
import type { Saves } from "#kernel/repository.ts";
import type { AccountsEvent } from "../../domain/events.ts";
import type { QuotedRate } from "../../domain/rate.ts";

export type Rates = Saves<QuotedRate, AccountsEvent> & {
  readonly quoted: (from: Currency, into: Currency) => Promise<QuotedRate | undefined>;
  /** Quotes that have one of the currencies on either side. */
  readonly among: (currencies: readonly Currency[]) => Promise<readonly QuotedRate[]>;
};

/** The name of a quote's stream. */
export const streamOfRate = ({ from, into }: Pick<QuotedRate, "from" | "into">): string =>
  `rate_${from}_${into}`;
