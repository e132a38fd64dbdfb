import { err, type Result } from "#kernel/result.ts";
import { Money, type Currency } from "#kernel/money.ts";
import type { ProviderFailure } from "../../application/ports/providers.ts";
import { maxMinor } from "../../domain/posting.ts";

/** A decimal number, as its digits and how many of them are after the point. */
export type Decimal = { readonly digits: bigint; readonly after: number };

const mostAfter = 40;

/** A number as JSON or a text spells it: `-12.50`, `1e-3`. Undefined where it is none, or is too long. */
export function decimalOf(text: string | undefined): Decimal | undefined {
  const said =
    /^(?<sign>-?)(?<whole>\d{1,20})(?:\.(?<after>\d{0,20}))?(?:[eE](?<by>[+-]?\d{1,2}))?$/.exec(
      text?.trim() ?? "",
    );
  if (!said?.groups) return undefined;
  const { sign = "", whole = "", after: decimals = "", by = "0" } = said.groups;
  const digits = BigInt(`${sign}${whole}${decimals}`);
  const after = decimals.length - Number(by);
  if (after > mostAfter || after < -mostAfter) return undefined;
  return after < 0 ? { digits: digits * 10n ** BigInt(-after), after: 0 } : { digits, after };
}

/** The sum of two numbers. */
export function plus(a: Decimal, b: Decimal): Decimal {
  const after = Math.max(a.after, b.after);
  const raised = (one: Decimal) => one.digits * 10n ** BigInt(after - one.after);
  return { digits: raised(a) + raised(b), after };
}

export const times = (a: Decimal, b: Decimal): Decimal => ({
  digits: a.digits * b.digits,
  after: a.after + b.after,
});

export const isTooLarge = ({ minor }: Money): boolean => minor > maxMinor || minor < -maxMinor;

/** Money that an account may hold. */
export const fitting = (money: Money): Money | undefined => (isTooLarge(money) ? undefined : money);

/** Money of a number of a provider; undefined where it is none, or more than any account holds. */
export function moneyOf(text: string | undefined, currency: Currency): Money | undefined {
  const said = decimalOf(text);
  return said && fitting(Money.rounded(said.digits, said.after, currency));
}

export const unreadableAnswer: Result<never, ProviderFailure> = err({
  type: "provider-failure",
  reason: "unreadable",
});
