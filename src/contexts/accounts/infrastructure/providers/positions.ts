import type { Instant } from "#kernel/instant.ts";
import { Money, type Currency } from "#kernel/money.ts";
import type { Raw } from "../../application/ports/providers.ts";
import { Instrument, Quantity, type Holding, type ToldHoldings } from "../../domain/holding.ts";
import { moneyOf, type Decimal } from "./decimals.ts";

/** A decimal number without an exponent, and without zeros at its end. */
export function spelled({ digits, after }: Decimal): string {
  const sign = digits < 0n ? "-" : "";
  const text = String(digits < 0n ? -digits : digits).padStart(after + 1, "0");
  const decimals = after === 0 ? "" : text.slice(-after).replace(/0+$/, "");
  const whole = after === 0 ? text : text.slice(0, -after);
  return decimals === "" ? `${sign}${whole}` : `${sign}${whole}.${decimals}`;
}

type Position = {
  readonly instrument: string | undefined;
  readonly quantity: Decimal | undefined;
  readonly costBasis: Money | undefined;
  readonly marketValue: string | undefined;
};

/** A position; undefined where it cannot be read. */
function holdingOf(
  { instrument, quantity, costBasis, marketValue }: Position,
  { currency, asOf }: { readonly currency: Currency; readonly asOf: Instant },
): Holding | undefined {
  const [name, count] = [
    Instrument.parse(instrument),
    quantity && Quantity.parse(spelled(quantity)),
  ];
  const value = moneyOf(marketValue, currency);
  if (!name.ok || !count?.ok || !value) return undefined;
  const cost = costBasis === undefined ? {} : { costBasis };
  return { instrument: name.value, quantity: count.value, ...cost, marketValue: value, asOf };
}

type Answer = {
  readonly currency: Currency;
  readonly asOf: Instant;
  /** What all positions are worth, where the provider says so apart from them. */
  readonly total: Money | undefined;
};

const magnitude = (minor: bigint): bigint => (minor < 0n ? -minor : minor);
/** Prices move between two answers: totals that differ by less than a hundredth are alike. */
const alike = 100n;

/**
 * What positions say. They are whole where each can be read and they come to what the provider says all are worth; where it does not say that,
 * an empty answer says nothing.
 */
export function holdingsOf(positions: readonly Position[], answer: Answer): ToldHoldings {
  const read = positions.map((one) => holdingOf(one, answer));
  const holdings = [
    ...new Map(read.flatMap((one) => (one ? [[one.instrument, one]] : []))).values(),
  ];
  const sum = holdings.reduce((all, { marketValue }) => all + marketValue.minor, 0n);
  const { total } = answer;
  if (read.includes(undefined)) return { holdings, extent: "partial" };
  if (!total) return { holdings, extent: holdings.length > 0 ? "whole" : "unsaid" };
  const isTotal = magnitude(sum - total.minor) * alike <= magnitude(total.minor);
  return { holdings, extent: isTotal ? "whole" : "partial" };
}

/** What two parts come to; undefined where the provider says neither. */
export function sumOf(raw: Raw, fields: readonly string[], currency: Currency): Money | undefined {
  const told = fields.flatMap((field) =>
    raw[field] === undefined ? [] : [moneyOf(raw[field], currency)],
  );
  if (told.length === 0 || told.includes(undefined)) return undefined;
  return Money.of(
    told.reduce((sum, one) => sum + (one?.minor ?? 0n), 0n),
    currency,
  );
}
