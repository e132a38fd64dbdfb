import type { Instant } from "#kernel/instant.ts";
import { Money, type Currency } from "#kernel/money.ts";
import type { Raw } from "../../application/ports/providers.ts";
import { Instrument, Quantity, ToldHoldings, type Holding } from "../../domain/holding.ts";
import { decimalOf, moneyOf, plus, type Decimal } from "./decimals.ts";

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

/** One position for each instrument: what is told twice is one, and what is told in parts is their sum. */
function together(holdings: readonly Holding[]): readonly Holding[] {
  const by = new Map<Instrument, Holding>();
  for (const holding of holdings) {
    const known = by.get(holding.instrument);
    by.set(holding.instrument, known ? sumOfTwo(known, holding) : holding);
  }
  return [...by.values()];
}

const isSame = (a: Holding, b: Holding): boolean =>
  a.quantity === b.quantity && a.marketValue.minor === b.marketValue.minor;

function sumOfTwo(a: Holding, b: Holding): Holding {
  if (isSame(a, b)) return a;
  const [one, other] = [decimalOf(a.quantity), decimalOf(b.quantity)];
  const quantity = one && other && Quantity.parse(spelled(plus(one, other)));
  const add = (x: Money, y: Money) => Money.of(x.minor + y.minor, x.currency);
  const { costBasis: _, ...rest } = a;
  return {
    ...rest,
    ...(quantity?.ok ? { quantity: quantity.value } : {}),
    ...(a.costBasis && b.costBasis ? { costBasis: add(a.costBasis, b.costBasis) } : {}),
    marketValue: add(a.marketValue, b.marketValue),
  };
}

/** What positions say, and whether that is all. */
export function holdingsOf(positions: readonly Position[], answer: Answer): ToldHoldings {
  const read = positions.map((one) => holdingOf(one, answer));
  const holdings = together(read.filter((one) => one !== undefined));
  return ToldHoldings.judge(holdings, {
    areReadable: !read.includes(undefined),
    total: answer.total,
  });
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
