import { err, ok, type Result } from "./result.ts";
import {
  branded,
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
});

/** A decimal number as text, as in `-12.50`: never a float. */
export type Decimal = Brand<string, "Decimal">;
export const Decimal = branded<Decimal>("decimal number", {
  schema: { type: "string", pattern: "^-?(0|[1-9]\\d{0,18})(\\.\\d{1,4})?$", maxLength: 25 },
});

/** Money as it is spelled in JSON: on the wire and in events. */
export const SpelledMoney = shape({ amount: Decimal, currency: Currency });
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
  const [whole = "", fraction = ""] = amount.split(".");
  const digits = decimals(currency);
  if (fraction.length > digits)
    return invalid(`must have at most ${digits} digits after the point in ${currency}`);
  const minor = BigInt(whole + fraction.padEnd(digits, "0"));
  if (minor > most || minor < -most) return invalid("is too much");
  return ok({ minor, currency });
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
  /** So many times as much. `count`: a whole number. */
  times: ({ minor, currency }: Money, count: number): Money =>
    Money.of(minor * BigInt(count), currency),
  isNegative: ({ minor }: Money): boolean => minor < 0n,
  spell({ minor, currency }: Money): SpelledMoney {
    const digits = decimals(currency);
    const text = (minor < 0n ? -minor : minor).toString().padStart(digits + 1, "0");
    const whole = text.slice(0, text.length - digits);
    const amount = digits === 0 ? whole : `${whole}.${text.slice(-digits)}`;
    return { amount: `${minor < 0n ? "-" : ""}${amount}` as Decimal, currency };
  },
};
