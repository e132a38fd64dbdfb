import { err, ok, type Result } from "./result.ts";
import {
  branded,
  named,
  shape,
  unruly,
  type Brand,
  type Infer,
  type Invalid,
  type Value,
} from "./shape.ts";

/** Digits after the point, by currency: all of ISO 4217 in use, without funds codes and metals. */
const digitsOf: Readonly<Record<string, number>> = Object.fromEntries([
  ..."BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
    .split(" ")
    .map((code) => [code, 0] as const),
  ...(
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD " +
    "CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ " +
    "GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL " +
    "MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR " +
    "PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT " +
    "TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG"
  )
    .split(" ")
    .map((code) => [code, 2] as const),
  ..."BHD IQD JOD KWD LYD OMR TND".split(" ").map((code) => [code, 3] as const),
  ..."CLF UYW".split(" ").map((code) => [code, 4] as const),
]);

/** A currency by its ISO 4217 code. */
export type Currency = Brand<string, "Currency">;
export const Currency = branded<Currency>("currency", {
  schema: { type: "string", enum: Object.keys(digitsOf).toSorted() },
  says: "the code of a currency in capitals, as in EUR",
});

/** A decimal number as text, as in `-12.50`: never a float. */
export type Decimal = Brand<string, "Decimal">;
export const Decimal = branded<Decimal>("decimal number", {
  schema: { type: "string", pattern: "^-?(0|[1-9]\\d{0,18})(\\.\\d{1,4})?$", maxLength: 25 },
  says: "a decimal number with at most 4 digits after the point, as in 19.90",
});

/** How much of one currency is paid for one of another, as in `1.0837`. */
export type Rate = Brand<string, "Rate">;
const rateDigits = 12;
export const Rate = branded<Rate>("rate", {
  schema: {
    type: "string",
    pattern: `^(0|[1-9]\\d{0,11})(\\.\\d{1,${rateDigits}})?$`,
    maxLength: 25,
  },
  parse: (input) => (/[1-9]/.test(input) ? input : undefined),
  says: `a positive decimal number with at most ${rateDigits} digits after the point, as in 1.0837`,
});

/** Money as it is spelled in JSON: on the wire and in events. */
export const SpelledMoney = named("Money", shape({ amount: Decimal, currency: Currency }));
export type SpelledMoney = Infer<typeof SpelledMoney>;

/** An amount of one currency, in its smallest unit: cents of EUR, yen of JPY, fils of KWD. */
export type Money = { readonly minor: bigint; readonly currency: Currency };

/** Two amounts of different currencies cannot be put together. */
export type CurrencyMismatch = {
  readonly type: "currency-mismatch";
  readonly expected: Currency;
  readonly actual: Currency;
};

/** The range of Postgres' `bigint`. */
const most = 2n ** 63n - 1n;

/** Shares of money are in proportion to weights, of which none is negative and one is positive. */
export type WeightsInvalid = { readonly type: "weights-invalid" };

const decimals = (currency: Currency): number => {
  const digits = digitsOf[currency];
  if (digits === undefined) throw new Error(`${currency} is no currency`);
  return digits;
};

const invalid = (message: string) => unruly(message, "/amount");

function parse(input: unknown): Result<Money, Invalid> {
  const spelled = SpelledMoney.parse(input);
  if (!spelled.ok) return spelled;
  const { amount, currency } = spelled.value;
  const digits = decimals(currency);
  if ((amount.split(".")[1] ?? "").length > digits)
    return invalid(`must have at most ${digits} digits after the point in ${currency}`);
  const minor = scaled(amount, digits);
  if (minor > most || minor < -most) return invalid("is too much");
  return ok({ minor, currency });
}

/** A quotient to the nearest whole number; halves to the even one. `by` is positive. */
function halfEven(dividend: bigint, by: bigint): bigint {
  const below = dividend / by - (dividend % by < 0n ? 1n : 0n);
  const twice = 2n * (dividend - below * by);
  const isUp = twice > by || (twice === by && below % 2n !== 0n);
  return isUp ? below + 1n : below;
}

/** Digits of a decimal text as a whole number, so many of them after the point. */
function scaled(text: string, digits: number): bigint {
  const [whole = "", fraction = ""] = text.split(".");
  return BigInt(whole + fraction.padEnd(digits, "0"));
}

const value: Value<Money> = { schema: SpelledMoney.schema, parse };

/** Both in one currency, or the refusal that says they are not. */
const together = (a: Money, b: Money, sum: (a: bigint, b: bigint) => bigint) =>
  a.currency === b.currency
    ? ok<Money>({ minor: sum(a.minor, b.minor), currency: a.currency })
    : err<CurrencyMismatch>({
        type: "currency-mismatch",
        expected: a.currency,
        actual: b.currency,
      });

export const Money = {
  ...value,
  of: (minor: bigint, currency: Currency): Money => ({ minor, currency }),
  /** Digits after the point. */
  decimals,
  plus: (a: Money, b: Money): Result<Money, CurrencyMismatch> => together(a, b, (x, y) => x + y),
  minus: (a: Money, b: Money): Result<Money, CurrencyMismatch> => together(a, b, (x, y) => x - y),
  negated: ({ minor, currency }: Money): Money => Money.of(-minor, currency),
  /** So many times as much. `count`: a whole number. */
  times: ({ minor, currency }: Money, count: number): Money =>
    Money.of(minor * BigInt(count), currency),
  /** What an amount is in another currency at a rate, rounded to its smallest unit, halves to the even one. */
  converted: (money: Money, rate: Rate, into: Currency): Money =>
    Money.over(money, [{ rate, isInverse: false }], into),
  /**
   * What an amount is in another currency, over several rates, rounded once, halves to the even unit. `isInverse`: the rate says how much of
   * the first currency is paid for one of the second.
   */
  over(
    { minor, currency }: Money,
    steps: readonly { readonly rate: Rate; readonly isInverse: boolean }[],
    into: Currency,
  ): Money {
    let [raised, by] = [minor * 10n ** BigInt(decimals(into)), 10n ** BigInt(decimals(currency))];
    for (const { rate, isInverse } of steps) {
      const [said, one] = [scaled(rate, rateDigits), 10n ** BigInt(rateDigits)];
      raised *= isInverse ? one : said;
      by *= isInverse ? said : one;
    }
    return Money.of(halfEven(raised, by), into);
  },
  /** A decimal number, of which so many digits are after the point, to the smallest unit of a currency, halves to the even one. */
  rounded(digits: bigint, after: number, currency: Currency): Money {
    const more = after - decimals(currency);
    return Money.of(
      more > 0 ? halfEven(digits, 10n ** BigInt(more)) : digits * 10n ** BigInt(-more),
      currency,
    );
  },
  /**
   * Parts of an amount in proportion to weights, whose sum is the amount: what rounding leaves goes to the largest remainders, of
   * equal ones to the first.
   */
  allocate(
    { minor, currency }: Money,
    weights: readonly bigint[],
  ): Result<readonly Money[], WeightsInvalid> {
    const total = weights.reduce((sum, weight) => sum + weight, 0n);
    if (total <= 0n || weights.some((weight) => weight < 0n))
      return err({ type: "weights-invalid" });
    const [size, sign] = minor < 0n ? [-minor, -1n] : [minor, 1n];
    const shares = weights.map((weight) => (size * weight) / total);
    const left = size - shares.reduce((sum, share) => sum + share, 0n);
    const byRemainder = weights
      .map((weight, i) => ({ i, remainder: (size * weight) % total }))
      .toSorted((a, b) =>
        a.remainder === b.remainder ? a.i - b.i : a.remainder > b.remainder ? -1 : 1,
      );
    for (const { i } of byRemainder.slice(0, Number(left))) shares[i] = (shares[i] ?? 0n) + 1n;
    return ok(shares.map((share) => Money.of(sign * share, currency)));
  },
  isNegative: ({ minor }: Money): boolean => minor < 0n,
  spell({ minor, currency }: Money): SpelledMoney {
    const digits = decimals(currency);
    const text = (minor < 0n ? -minor : minor).toString().padStart(digits + 1, "0");
    const whole = text.slice(0, text.length - digits);
    const amount = digits === 0 ? whole : `${whole}.${text.slice(-digits)}`;
    return { amount: `${minor < 0n ? "-" : ""}${amount}` as Decimal, currency };
  },
};
