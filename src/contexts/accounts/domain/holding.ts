import type { Instant } from "#kernel/instant.ts";
import { line } from "#kernel/line.ts";
import type { Money } from "#kernel/money.ts";
import { branded, type Brand } from "#kernel/shape.ts";

/** What is held, as the provider calls it: a ticker symbol, mostly. */
export type Instrument = Brand<string, "Instrument">;
export const Instrument = line<Instrument>("instrument", { min: 1, max: 100 });

/** How much of it, as a decimal number; negative where it is owed. */
export type Quantity = Brand<string, "Quantity">;
export const Quantity = branded<Quantity>("quantity", {
  schema: { type: "string", pattern: "^-?\\d{1,20}(?:\\.\\d{1,20})?$", maxLength: 42 },
  says: "a decimal number, as in 1.5",
});

/** Positions of one account, at most. */
export const maxHoldings = 10_000;

/** A position of an account elsewhere, as its provider values it. */
export type Holding = {
  readonly instrument: Instrument;
  readonly quantity: Quantity;
  /** What was paid for it, where the provider says so. */
  readonly costBasis?: Money;
  readonly marketValue: Money;
  /** When the provider said so. */
  readonly asOf: Instant;
};

/**
 * What a provider says an account holds. A `whole` answer means that the account holds nothing else. A `partial` answer leaves something out. An
 * `unsaid` answer is empty, and may be either.
 */
export type ToldHoldings = {
  readonly holdings: readonly Holding[];
  readonly extent: "whole" | "partial" | "unsaid";
};

/** Prices move between two answers, so sums that differ by less than a hundredth count as equal. */
const alike = 100n;
const magnitude = (minor: bigint): bigint => (minor < 0n ? -minor : minor);

export const ToldHoldings = {
  /**
   * Decides whether an answer is whole. `areReadable`: every position could be read. `total`: the value of all positions, as the provider
   * reports it separately; without it, an empty answer proves nothing.
   */
  judge(
    holdings: readonly Holding[],
    { areReadable, total }: { readonly areReadable: boolean; readonly total: Money | undefined },
  ): ToldHoldings {
    if (holdings.length > maxHoldings)
      return { holdings: holdings.slice(0, maxHoldings), extent: "partial" };
    if (!areReadable) return { holdings, extent: "partial" };
    if (!total) return { holdings, extent: holdings.length > 0 ? "whole" : "unsaid" };
    const sum = holdings.reduce((minor, { marketValue }) => minor + marketValue.minor, 0n);
    const isTotal = magnitude(sum - total.minor) * alike <= magnitude(total.minor);
    return { holdings, extent: isTotal ? "whole" : "partial" };
  },
};
