import { CivilDate } from "#kernel/civil-date.ts";
import { Money, type Currency } from "#kernel/money.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Value } from "#kernel/shape.ts";
import { maxMinor } from "../../domain/posting.ts";
import type { RowUnreadable } from "../../application/ports/providers.ts";

export const unreadable = (reason: RowUnreadable["reason"], field?: string) =>
  err<RowUnreadable>({ type: "row-unreadable", reason, ...(field === undefined ? {} : { field }) });

/** The text, cut to what the field may have; undefined where nothing is left. */
export function worded<T extends string>(value: Value<T>, text: string | undefined): T | undefined {
  const most = Number(value.schema["maxLength"]);
  const parsed = value.parse(
    Array.from(text ?? "")
      .slice(0, most)
      .join("")
      .toWellFormed(),
  );
  return parsed.ok && parsed.value !== "" ? parsed.value : undefined;
}

/** An amount in digits alone, with a point before its decimals; undefined where it cannot be said which mark that is. */
function plain(text: string, isThousands: (mark: string) => boolean): string | undefined {
  const marks = text.replaceAll(/\d/g, "");
  if (marks === "") return text;
  const last = marks.at(-1) ?? "";
  const at = text.lastIndexOf(last);
  const isDecimal = marks.indexOf(last) === marks.length - 1;
  const groups = isDecimal ? text.slice(0, at) : text;
  const decimals = isDecimal ? text.slice(at + 1) : "";
  // One mark with three digits after it may be either: a comma in some countries, a point in others.
  if (marks.length === 1 && decimals.length === 3 && isThousands(marks)) return undefined;
  const isGrouped = /^\d{1,3}(?:[.,]\d{3})*$/.test(groups) || /^\d*$/.test(groups);
  if (!isGrouped || (groups.includes(last) && isDecimal)) return undefined;
  const whole = groups.replaceAll(/[.,]/g, "") || "0";
  return decimals === "" ? whole : `${whole}.${decimals}`;
}

/** Amounts as files write them: `-1.234,56`, `+5`, `(12.00)`, `$1,234.56`. */
const amount = /^(?<open>\()?(?<sign>[+-]?)(?<digits>[\d.,]*\d[\d.,]*)\)?(?<after>-?)$/;

/** Letters of an amount at most. */
const maxAmount = 40;

/** `isPointDecimal`: a point is never between thousands, as OFX says. */
type AmountField = { readonly field: string; readonly isPointDecimal: boolean };

/** Money of an amount in a file. */
export function moneyOf(
  text: string | undefined,
  currency: Currency,
  { field, isPointDecimal }: AmountField,
): Result<Money, RowUnreadable> {
  const said = (text ?? "").replaceAll(/[\s\u00A0\u202F'’$€£]/g, "").replaceAll("−", "-");
  if (said === "") return unreadable("amount-missing", field);
  if (said.length > maxAmount) return unreadable("amount-invalid", field);
  const { open, sign, digits, after } = amount.exec(said)?.groups ?? {};
  if ((open !== undefined) !== said.endsWith(")")) return unreadable("amount-invalid", field);
  const places = Money.decimals(currency);
  const isThousands = (mark: string) => places !== 3 && !(mark === "." && isPointDecimal);
  const unsigned = digits === undefined ? undefined : plain(digits, isThousands);
  if (unsigned === undefined) return unreadable("amount-invalid", field);
  const [whole = "0", fraction = ""] = unsigned.split(".");
  const kept = fraction.replace(/0+$/, "");
  if (kept.length > places) return unreadable("amount-too-exact", field);
  const minor = BigInt(whole + kept.padEnd(places, "0"));
  if (minor > maxMinor) return unreadable("amount-too-large", field);
  const isNegative = sign === "-" || open !== undefined || after === "-";
  return ok(Money.of(isNegative ? -minor : minor, currency));
}

const orders = {
  ofx: /^(?<y>\d{4})(?<m>\d\d)(?<d>\d\d)/,
  iso: /^(?<y>\d{4})-?(?<m>\d\d)-?(?<d>\d\d)(?:T.*)?$/,
  mdy: /^(?<m>\d{1,2})\/(?<d>\d{1,2})\/(?<y>\d{4})$/,
  dmy: /^(?<d>\d{1,2})\.(?<m>\d{1,2})\.(?<y>\d{4})$/,
} as const;
export type DateOrder = keyof typeof orders;

/** A day of the centuries of bank statements, as files write it. A time and a zone after it are left out: the day is the one that the bank means. */
export function dayOf(
  text: string | undefined,
  allowed: readonly DateOrder[],
  field: string,
): Result<CivilDate, RowUnreadable> {
  const said = (text ?? "").replaceAll(/\s/g, "");
  if (said === "") return unreadable("date-missing", field);
  for (const order of allowed) {
    const { y, m = "", d = "" } = orders[order].exec(said)?.groups ?? {};
    if (y !== undefined && (y < "1900" || y > "2199")) continue;
    const day = CivilDate.parse(`${y}-${m.padStart(2, "0")}-${d.padStart(2, "0")}`);
    if (day.ok) return day;
  }
  return unreadable("date-invalid", field);
}
