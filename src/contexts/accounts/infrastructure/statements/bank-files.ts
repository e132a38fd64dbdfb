import { Currency } from "#kernel/money.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type {
  Provider,
  Raw,
  RowIgnored,
  RowUnreadable,
} from "../../application/ports/providers.ts";
import {
  Counterparty,
  ExternalId,
  Remark,
  type Correction,
  type Observation,
} from "../../domain/observation.ts";
import type { ProviderId } from "../../domain/provider.ts";
import { dayOf, moneyOf, unreadable, worded, type DateOrder } from "./cells.ts";
import { anyColumns } from "./statement-csv.ts";

/** Where a format keeps what a row says: the first field that has something counts. */
type Columns = {
  readonly date: readonly string[];
  readonly dates: readonly DateOrder[];
  readonly amount: readonly string[];
  readonly counterparty: readonly string[];
  readonly remark: readonly string[];
  readonly id: readonly string[];
  readonly currency: readonly string[];
};

const formats: Readonly<Record<string, Columns>> = {
  ofx: {
    date: ["DTPOSTED", "DTUSER"],
    dates: ["ofx"],
    amount: ["TRNAMT"],
    counterparty: ["NAME", "PAYEE.NAME", "EXTDPAYEE.NAME", "MEMO"],
    remark: ["MEMO", "CHECKNUM", "REFNUM"],
    id: ["FITID"],
    // The amount is in this currency; in ORIGCURRENCY it was before the bank converted it.
    currency: ["CURRENCY.CURSYM"],
  },
  "chase-card-csv": {
    date: ["post date", "transaction date"],
    dates: ["mdy"],
    amount: ["amount"],
    counterparty: ["description"],
    remark: ["memo", "category"],
    id: [],
    currency: [],
  },
  "chase-checking-csv": {
    date: ["posting date"],
    dates: ["mdy"],
    amount: ["amount"],
    counterparty: ["description"],
    remark: ["check or slip #"],
    id: [],
    currency: [],
  },
  csv: { ...anyColumns, dates: ["iso", "dmy"] },
};

const first = (raw: Raw, fields: readonly string[]): string | undefined =>
  fields.map((field) => raw[field]).find((text) => text !== undefined && text.trim() !== "");

/** A line that is replaced by nothing is taken back. */
function correctionOf(
  { CORRECTFITID, CORRECTACTION }: Raw,
  isNothing: boolean,
): Correction | undefined {
  const corrected = worded(ExternalId, CORRECTFITID);
  if (corrected === undefined) return undefined;
  const isDelete = isNothing || CORRECTACTION?.trim().toUpperCase() === "DELETE";
  return { of: corrected, action: isDelete ? "delete" : "replace" };
}

function observe(
  format: string,
  raw: Raw,
  known: Currency | undefined,
): Result<Observation, RowUnreadable | RowIgnored> {
  const columns = formats[format] ?? formats["csv"];
  if (!columns) throw new Error(`nobody reads ${format}`);
  const said = first(raw, columns.currency);
  const own = said === undefined ? undefined : Currency.parse(said.trim().toUpperCase());
  if (own && !own.ok) return unreadable("currency-unknown", columns.currency[0]);
  const currency = known ?? own?.value;
  if (currency === undefined) return unreadable("currency-missing");
  if (own && own.value !== currency) return unreadable("other-currency", columns.currency[0]);
  const date = dayOf(first(raw, columns.date), columns.dates, columns.date[0] ?? "");
  if (!date.ok) return date;
  const amount = moneyOf(first(raw, columns.amount), currency, {
    field: columns.amount[0] ?? "",
    isPointDecimal: format === "ofx",
  });
  if (!amount.ok) return amount;
  const isNothing = amount.value.minor === 0n;
  const corrects = correctionOf(raw, isNothing);
  if (isNothing && !corrects) return err({ type: "row-ignored", reason: "zero-amount" });
  const externalId = worded(ExternalId, first(raw, columns.id));
  const counterparty = worded(Counterparty, first(raw, columns.counterparty));
  const remark = worded(Remark, first(raw, columns.remark));
  return ok({
    status: "booked",
    date: date.value,
    amount: amount.value,
    ...(externalId === undefined ? {} : { externalId }),
    ...(counterparty === undefined ? {} : { counterparty }),
    ...(remark === undefined || (remark as string) === counterparty ? {} : { remark }),
    ...(corrects === undefined ? {} : { corrects }),
  });
}

/** Banks whose statements come as files. Their ids are used again, and change. */
export const bankFiles: readonly Provider[] = [
  { id: "bank" as ProviderId, name: "Bank", abilities: ["files"], ids: "loose", observe },
  { id: "chase" as ProviderId, name: "Chase", abilities: ["files"], ids: "loose", observe },
];
