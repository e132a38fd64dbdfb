import type { Context } from "#kernel/context.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Currency } from "#kernel/money.ts";
import type { Result } from "#kernel/result.ts";
import type { ToldHoldings } from "../../domain/holding.ts";
import type { ExternalId, Observation } from "../../domain/observation.ts";
import type { Ability, FailureReason, IdHabit, ProviderId } from "../../domain/provider.ts";
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
    | "id-missing"
    | "id-invalid"
    | "account-inactive"
    | "too-many-alike"
    | "reconciled";
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

/** The id and the secret of an API key. */
export type Keys = { readonly id: string; readonly secret: string };

/** A provider gives no answer. `retryAfterMs`: it says when to ask again. */
export type ProviderFailure = {
  readonly type: "provider-failure";
  readonly reason: FailureReason;
  readonly retryAfterMs?: number;
};

/** Some of what a provider has. `statement` counts the accounts of all pages from 0. */
export type ProviderPage = {
  /** Accounts that no page before has named. */
  readonly accounts: readonly StatementHead[];
  /** `externalId`: the id that `observe` reads as well. Without it, a corrected row becomes a second line. */
  readonly rows: readonly {
    readonly statement: number;
    readonly raw: Raw;
    readonly externalId: ExternalId | undefined;
  }[];
  readonly balances: readonly { readonly statement: number; readonly balance: ToldBalance }[];
  /** What the accounts hold besides money. */
  readonly holdings?: readonly (ToldHoldings & { readonly statement: number })[];
  /** On the last page: why an earlier page is incomplete. The next sync asks for the same window again. */
  readonly lacks?: FailureReason;
  /** Where the next page begins, in words of the adapter; missing after the last one. */
  readonly next?: string;
};

/** The tokens of a login. */
export type Tokens = {
  readonly access: string;
  readonly accessUntil: Instant;
  readonly refresh: string;
};

/** Signing in at a provider, by OAuth 2. Source: RFC 6749, 7636. */
export type Login = {
  /** How long a login lasts, in milliseconds. Afterwards the provider refuses to refresh tokens. */
  readonly lastsMs: number;
  /** The address where the owner signs in, with the `state` that the provider returns and the PKCE verifier. */
  readonly begin: (
    state: (random: string) => string,
  ) => Promise<{ readonly url: string; readonly state: string; readonly verifier: string }>;
  /** `code` is single-use and expires within seconds. */
  readonly exchange: (
    returned: { readonly code: string; readonly verifier: string },
    context: Context,
  ) => Promise<Result<Tokens, ProviderFailure>>;
  /** Called by one process at a time, since a refresh token may be single-use. */
  readonly refresh: (token: string, context: Context) => Promise<Result<Tokens, ProviderFailure>>;
};

type Asked<Credentials> = {
  readonly credentials: Credentials;
  /** What was created since then. */
  readonly from: Instant;
  /** Accounts that are not in `besides` are new to the connection: they are asked for their history since then. */
  readonly history: { readonly since: Instant; readonly besides: readonly ExternalId[] };
  readonly cursor?: string | undefined;
};

/** What is fetched from a provider over its API, with an API key or, after a login, with an access token. */
export type Remote =
  | (RemoteWith<Keys> & { readonly connectsWith: "keys" })
  | (RemoteWith<string> & { readonly connectsWith: "login"; readonly login: Login });

export type RemoteWith<Credentials> = {
  /** How far the first sync goes back, and how far the next ones overlap what is known: some lines appear late. */
  readonly historyDays: number;
  readonly overlapDays: number;
  /** Asks for one page, again and again for the same cursor if need be. Nothing changes at the provider. */
  readonly page: (
    asked: Asked<Credentials>,
    context: Context,
  ) => Promise<Result<ProviderPage, ProviderFailure>>;
  /** What the provider calls the accounts that the credentials open. */
  readonly accounts: (
    credentials: Credentials,
    context: Context,
  ) => Promise<Result<readonly ExternalId[], ProviderFailure>>;
};

/** Port: who keeps accounts elsewhere. One adapter is one provider. */
export type Provider = {
  readonly id: ProviderId;
  /** As people say it. */
  readonly name: string;
  readonly abilities: readonly Ability[];
  readonly remote?: Remote;
  readonly ids: IdHabit;
  /** What a row says, given the currency of its account. The same row may be asked for again, by a newer release. */
  readonly observe: (
    format: string,
    raw: Raw,
    currency: Currency | undefined,
  ) => Result<Observation, RowUnreadable | RowIgnored>;
};
