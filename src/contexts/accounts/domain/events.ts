import { CivilDate } from "#kernel/civil-date.ts";
import { event, registry, type EventOf } from "#kernel/event.ts";
import { Instant } from "#kernel/instant.ts";
import { Currency, SpelledMoney } from "#kernel/money.ts";
import { Count, Flag } from "#kernel/scalars.ts";
import { list, oneOf, optional, shape } from "#kernel/shape.ts";
import { AccountType } from "./account-type.ts";
import { CurrencyPair } from "./currency-pair.ts";
import { quote, SpelledExchange } from "./exchange.ts";
import { AccountId, ConnectionId, EntryId, ImportId, OwnerId, SyncId, TransferId } from "./ids.ts";
import { AccountName, Mask, Memo, Tags } from "./labels.ts";
import { SpelledPostings } from "./posting.ts";
import { failureReasons, ProviderId } from "./provider.ts";

/**
 * Without an owner: the book's own. Without an overdraft: it may fall below zero as far as it will. With a provider: it mirrors an
 * account there.
 */
export const AccountOpened = event("accounts.account-opened", 1, {
  accountId: AccountId,
  ownerId: optional(OwnerId),
  name: AccountName,
  type: AccountType,
  currency: Currency,
  overdraft: optional(SpelledMoney),
  mask: optional(Mask),
  pair: optional(CurrencyPair),
  provider: optional(ProviderId),
  openedAt: Instant,
});
/** All that can be edited, as it is from now on. */
export const AccountEdited = event("accounts.account-edited", 1, {
  accountId: AccountId,
  name: AccountName,
  mask: optional(Mask),
  overdraft: optional(SpelledMoney),
});
export const AccountDeactivated = event("accounts.account-deactivated", 1, {
  accountId: AccountId,
  deactivatedAt: Instant,
});
/** The lines of an account elsewhere lead to this balance at the end of a day, and stay as they are up to then; or not any more. */
export const BalanceAgreed = event("accounts.balance-agreed", 1, {
  accountId: AccountId,
  on: CivilDate,
  balance: SpelledMoney,
});
export const AgreementLifted = event("accounts.agreement-lifted", 1, {
  accountId: AccountId,
  on: CivilDate,
});
export const AccountReactivated = event("accounts.account-reactivated", 1, {
  accountId: AccountId,
});

export const EntryPosted = event("accounts.entry-posted", 1, {
  entryId: EntryId,
  date: CivilDate,
  postings: SpelledPostings,
  memo: optional(Memo),
  tags: Tags,
  reverses: optional(EntryId),
  exchange: optional(SpelledExchange),
});

/** Legs of one transfer, at most: all of them happen or none. */
export const maxLegs = 100;
/** Each leg moves money from an account to another. */
export const SpelledLegs = list(
  shape({ from: AccountId, to: AccountId, amount: SpelledMoney }),
  maxLegs,
);
const agreed = {
  transferId: TransferId,
  legs: SpelledLegs,
  memo: optional(Memo),
  tags: Tags,
};
/** Held until it is posted, voided or expired. */
export const TransferHeld = event("accounts.transfer-held", 1, { ...agreed, expiresAt: Instant });
/** `legs` are the amounts that were moved, which may be a part of the amounts in `held`. The rest of the hold is released. */
export const TransferPosted = event("accounts.transfer-posted", 1, {
  ...agreed,
  held: optional(SpelledLegs),
  entryId: EntryId,
  date: CivilDate,
});
/** `legs` are the amounts that were held and are released. */
const freed = { transferId: TransferId, legs: SpelledLegs };
export const TransferVoided = event("accounts.transfer-voided", 1, freed);
export const TransferExpired = event("accounts.transfer-expired", 1, freed);

/** A file of statements has arrived, or is looked at again. */
export const StatementsReceived = event("accounts.statements-received", 1, {
  importId: ImportId,
  provider: ProviderId,
  isDryRun: Flag,
  rows: Count,
});
/** Every row has an outcome; so many rows have which. */
export const StatementsImported = event("accounts.statements-imported", 1, {
  importId: ImportId,
  created: Count,
  matched: Count,
  updated: Count,
  ignored: Count,
  doubtful: Count,
  quarantined: Count,
});
/** What its rows have made is to be taken back, and then it has been. */
export const StatementsWithdrawn = event("accounts.statements-withdrawn", 1, {
  importId: ImportId,
});
export const StatementsUndone = event("accounts.statements-undone", 1, { importId: ImportId });

/** A provider takes the credentials of its customer, at first or again. */
export const ConnectionActivated = event("accounts.connection-activated", 1, {
  connectionId: ConnectionId,
  ownerId: OwnerId,
  provider: ProviderId,
});
/** The provider takes them no more: nothing is fetched before the owner connects it again. */
export const ConnectionRevoked = event("accounts.connection-revoked", 1, {
  connectionId: ConnectionId,
  ownerId: OwnerId,
  provider: ProviderId,
});
/** The owner goes to the provider to sign in, and has come back. */
export const LoginBegun = event("accounts.connection-login-begun", 1, {
  connectionId: ConnectionId,
  ownerId: OwnerId,
  provider: ProviderId,
});
export const LoginReturned = event("accounts.connection-login-returned", 1, {
  connectionId: ConnectionId,
});
/** The owner has not signed in, or the provider has refused the code. */
export const ConnectionFailed = event("accounts.connection-failed", 1, {
  connectionId: ConnectionId,
  ownerId: OwnerId,
  provider: ProviderId,
});
/** The provider wants another login soon. */
export const LoginEnding = event("accounts.connection-login-ending", 1, {
  connectionId: ConnectionId,
  ownerId: OwnerId,
  provider: ProviderId,
  until: Instant,
});
/** The login has ended: nothing is fetched before the owner signs in again. */
export const ConnectionExpired = event("accounts.connection-expired", 1, {
  connectionId: ConnectionId,
  ownerId: OwnerId,
  provider: ProviderId,
});
/** The owner has taken them back. */
export const ConnectionDisconnected = event("accounts.connection-disconnected", 1, {
  connectionId: ConnectionId,
});

/** What a provider has is to be fetched, and all of it has been. */
export const SyncAttempted = event("accounts.sync-attempted", 1, {
  syncId: SyncId,
  connectionId: ConnectionId,
  importId: ImportId,
  from: Instant,
  until: Instant,
});
export const SyncFetched = event("accounts.sync-fetched", 1, {
  syncId: SyncId,
  pages: Count,
  rows: Count,
});
const ended = {
  syncId: SyncId,
  connectionId: ConnectionId,
  rows: Count,
  reason: optional(oneOf(...failureReasons)),
};
export const SyncSucceeded = event("accounts.sync-succeeded", 1, ended);
/** Rows are quarantined, or the provider failed after some pages. */
export const SyncPartiallySucceeded = event("accounts.sync-partially-succeeded", 1, ended);
export const SyncFailed = event("accounts.sync-failed", 1, ended);

/** So much of one currency is paid for one of another, as a bookkeeper vouches for. */
export const RateQuoted = event("accounts.rate-quoted", 1, {
  from: Currency,
  into: Currency,
  ...quote,
});

export const accountsEvents = registry(
  AccountOpened,
  AccountEdited,
  AccountDeactivated,
  AccountReactivated,
  BalanceAgreed,
  AgreementLifted,
  EntryPosted,
  TransferHeld,
  TransferPosted,
  TransferVoided,
  TransferExpired,
  StatementsReceived,
  StatementsImported,
  StatementsWithdrawn,
  StatementsUndone,
  ConnectionActivated,
  ConnectionRevoked,
  LoginBegun,
  LoginReturned,
  ConnectionFailed,
  LoginEnding,
  ConnectionExpired,
  ConnectionDisconnected,
  SyncAttempted,
  SyncFetched,
  SyncSucceeded,
  SyncPartiallySucceeded,
  SyncFailed,
  RateQuoted,
);
export type AccountsEvent = EventOf<typeof accountsEvents>;
