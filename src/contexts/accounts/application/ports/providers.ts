import type { Currency } from "#kernel/money.ts";
import type { Result } from "#kernel/result.ts";
import type { Observation } from "../../domain/observation.ts";
import type { IdHabit, ProviderId } from "../../domain/provider.ts";
import type { StatementHead, ToldBalance } from "../../domain/statement-import.ts";

/** A row as it came: its fields by the names that the provider gives them. */
export type Raw = { readonly [field: string]: string };

/** Why a row cannot be read. `field`: the one that is wrong. */
export type RowUnreadable = {
  readonly type: "row-unreadable";
  readonly reason:
    | "date-missing"
    | "date-invalid"
    | "amount-missing"
    | "amount-invalid"
    | "amount-too-exact"
    | "amount-too-large"
    | "currency-missing"
    | "currency-unknown"
    | "other-currency"
    | "account-inactive"
    | "too-many-alike";
  readonly field?: string;
};
/** A row that is no movement of money. */
export type RowIgnored = {
  readonly type: "row-ignored";
  readonly reason: "zero-amount" | "corrects-nothing";
};

/** Refusals of a whole file. Nothing of it is applied. */
export type UploadInvalid = {
  readonly type: "upload-invalid";
  readonly reason:
    | "empty"
    | "malformed"
    | "workbook"
    | "not-utf-8"
    | "not-a-statement"
    | "columns-unknown"
    | "account-unknown"
    | "several-accounts"
    | "other-account"
    | "other-currency"
    | "record-too-long"
    | "too-many-rows"
    | "too-many-statements"
    | "too-many-bytes"
    | "broken-off";
  /** The line in the file, counted from 1. */
  readonly line?: number;
  readonly columns?: readonly string[];
};

/** A row with its line in the file, from 1, and the id that the provider gave it. */
export type FileRow = {
  readonly line: number;
  readonly raw: Raw;
  readonly externalId?: string;
};

/** What a file says: statements, their rows after them, and their balances. `statement` counts from 0. */
export type FilePart =
  | { readonly kind: "statement"; readonly head: StatementHead }
  | {
      readonly kind: "rows";
      readonly statement: number;
      readonly rows: readonly FileRow[];
    }
  | { readonly kind: "balance"; readonly statement: number; readonly balance: ToldBalance };

/** A file while it arrives. */
export type StatementFile = {
  /** Ends after the first refusal. */
  readonly parts: AsyncIterable<Result<FilePart, UploadInvalid>>;
  /** The digest of all that has arrived, which is the same for the same file. */
  readonly digest: () => string;
};

/** Port: who keeps accounts elsewhere. One adapter is one provider. */
export type Provider = {
  readonly id: ProviderId;
  /** As people say it. */
  readonly name: string;
  readonly ids: IdHabit;
  /** What a row says, given the currency of its account. The same row may be asked for again, by a newer release. */
  readonly observe: (
    format: string,
    raw: Raw,
    currency: Currency | undefined,
  ) => Result<Observation, RowUnreadable | RowIgnored>;
};
