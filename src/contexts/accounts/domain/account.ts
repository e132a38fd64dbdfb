import { unchanged, type Change } from "#kernel/change.ts";
import type { CivilDate } from "#kernel/civil-date.ts";
import type { Instant } from "#kernel/instant.ts";
import { Money, type Currency } from "#kernel/money.ts";
import { err, expect, ok, type Result } from "#kernel/result.ts";
import { atVersion, Version, type PreconditionFailed, type Versioned } from "#kernel/version.ts";
import { isOfTheBook, type AccountType } from "./account-type.ts";
import {
  AccountDeactivated,
  AccountEdited,
  AccountOpened,
  AccountReactivated,
  type AccountsEvent,
} from "./events.ts";
import type { CurrencyPair } from "./currency-pair.ts";
import type { AccountId, OwnerId } from "./ids.ts";
import { AccountName, type Mask } from "./labels.ts";
import type { ExternalId } from "./observation.ts";
import type { ProviderId } from "./provider.ts";

/** The largest amount that an account may hold, owe or reserve, in minor units. */
export const maxBalance = 10n ** 18n;

/** An account of one currency. An account without an owner belongs to the book itself. */
export type Account = Versioned & {
  readonly id: AccountId;
  readonly ownerId?: OwnerId;
  readonly name: AccountName;
  readonly type: AccountType;
  readonly currency: Currency;
  readonly status: "active" | "deactivated";
  /** How far the available balance may fall below zero, in minor units. Without it there is no limit. */
  readonly overdraft?: bigint;
  readonly mask?: Mask;
  /** The currencies between which it trades, for an account that exchanges go through. */
  readonly pair?: CurrencyPair;
  /** The account at a provider that it mirrors: only statements move its money. */
  readonly elsewhere?: Elsewhere;
  /** Lines of an account elsewhere stay as they are up to this day. */
  readonly agreedUntil?: CivilDate;
  readonly openedAt: Instant;
};

/** An account at a provider, as the provider calls it, and the account of the book that money comes from and goes to. */
export type Elsewhere = {
  readonly provider: ProviderId;
  readonly externalId?: ExternalId;
  readonly outsideId: AccountId;
};
/** An account that mirrors one elsewhere. */
export type Mirror = Account & { readonly elsewhere: Elsewhere };
export const isMirror = <A extends Account>(account: A | undefined): account is A & Mirror =>
  account?.elsewhere !== undefined;

type Changed = Change<Account, AccountsEvent>;

export type AccountNotFound = { readonly type: "account-not-found"; readonly accountId: AccountId };
/** The account is deactivated and takes no postings. */
export type AccountInactive = { readonly type: "account-inactive"; readonly accountId: AccountId };
/** The account mirrors one elsewhere: only statements move its money. */
export type AccountElsewhere = {
  readonly type: "account-elsewhere";
  readonly accountId: AccountId;
};
/** The account has a balance or holds, or exchanges go through it. */
export type AccountInUse = { readonly type: "account-in-use" };
/** An account of the book has no owner, and any other has one. */
export type OwnerMismatch = {
  readonly type: "owner-mismatch";
  readonly reason: "needs-an-owner" | "is-the-book's";
};
/** A limit is not negative, and in the currency of its account. `trades`: exchanges go through the account, and it has no limit. */
export type OverdraftInvalid = {
  readonly type: "overdraft-invalid";
  readonly reason: "negative" | "too-large" | "other-currency" | "already-overdrawn" | "trades";
};

/** The fields of an account that may be changed. `overdraft: null` removes the limit. */
export type AccountEdit = {
  readonly name?: AccountName | undefined;
  readonly mask?: Mask | null | undefined;
  readonly overdraft?: Money | null | undefined;
};

/** An account with its posted balance and the part of it that pending transfers hold, in minor units. */
export type Funded = Account & { readonly posted: bigint; readonly held: bigint };

const unfit = (reason: OverdraftInvalid["reason"]) =>
  err<OverdraftInvalid>({ type: "overdraft-invalid", reason });

/** The limit in minor units; undefined where there is none. */
function limitOf(
  overdraft: Money | null,
  currency: Currency,
): Result<bigint | undefined, OverdraftInvalid> {
  if (overdraft === null) return ok(undefined);
  if (overdraft.currency !== currency) return unfit("other-currency");
  if (Money.isNegative(overdraft)) return unfit("negative");
  if (overdraft.minor > maxBalance) return unfit("too-large");
  return ok(overdraft.minor);
}

type Opening = Omit<Account, "version" | "status" | "overdraft" | "agreedUntil"> & {
  readonly overdraft: Money | null;
};

type OpeningMirror = Omit<Opening, "overdraft" | "pair" | "elsewhere" | "ownerId"> & {
  readonly ownerId: OwnerId;
  readonly elsewhere: Elsewhere;
};

type OpeningTrading = Pick<Account, "id" | "currency" | "openedAt"> & {
  readonly pair: CurrencyPair;
};

export const Account = {
  open({ overdraft, ...opening }: Opening): Result<Changed, OwnerMismatch | OverdraftInvalid> {
    const { id, type, ownerId, currency } = opening;
    if (isOfTheBook(type) && ownerId !== undefined)
      return err({ type: "owner-mismatch", reason: "is-the-book's" });
    if (!isOfTheBook(type) && ownerId === undefined)
      return err({ type: "owner-mismatch", reason: "needs-an-owner" });
    const limit = limitOf(overdraft, currency);
    if (!limit.ok) return limit;
    const account: Account = {
      ...opening,
      status: "active",
      ...(limit.value === undefined ? {} : { overdraft: limit.value }),
      version: Version.none,
    };
    const { id: _, openedAt, elsewhere, ...facts } = opening;
    const provider = elsewhere === undefined ? {} : { provider: elsewhere.provider };
    const spelled = overdraft === null ? {} : { overdraft: Money.spell(overdraft) };
    const opened = AccountOpened({ accountId: id, ...facts, ...provider, ...spelled, openedAt });
    return ok({ state: account, events: [opened] });
  },

  /** An account of the book that exchanges of two currencies go through. */
  openTrading: ({ pair, ...opening }: OpeningTrading): Changed =>
    expect(
      Account.open({
        ...opening,
        pair,
        type: "trading",
        name: expect(AccountName.parse(pair)),
        overdraft: null,
      }),
    ),

  /** The account that mirrors one elsewhere, and the account of the book that is its other side. */
  openMirror({ elsewhere, ...opening }: OpeningMirror): Changed & { readonly outside: Changed } {
    const { currency, openedAt } = opening;
    const mirror = Account.open({ ...opening, elsewhere, overdraft: null });
    const name = expect(AccountName.parse(`Outside of ${elsewhere.provider}`));
    const outside = Account.open({
      id: elsewhere.outsideId,
      name,
      type: "equity",
      currency,
      openedAt,
      overdraft: null,
    });
    return { ...expect(mirror), outside: expect(outside) };
  },

  expected<A extends Account>(
    account: A | undefined,
    { id, version }: { readonly id: AccountId; readonly version: Version | undefined },
  ): Result<A, AccountNotFound | PreconditionFailed> {
    return account
      ? atVersion(account, version)
      : err({ type: "account-not-found", accountId: id });
  },

  /** The available balance in minor units; undefined if the account has no limit. */
  available: ({ posted, held: kept, overdraft }: Funded): bigint | undefined =>
    overdraft === undefined ? undefined : posted - kept + overdraft,

  edit(funded: Funded, { name, mask, overdraft }: AccountEdit): Result<Changed, OverdraftInvalid> {
    const { posted, held: kept, overdraft: limitBefore, mask: maskBefore, ...account } = funded;
    if ((account.pair ?? account.elsewhere) !== undefined && overdraft) return unfit("trades");
    const limit = overdraft === undefined ? ok(limitBefore) : limitOf(overdraft, funded.currency);
    if (!limit.ok) return limit;
    if (limit.value !== undefined && posted - kept + limit.value < 0n)
      return unfit("already-overdrawn");
    const maskAfter = mask === undefined ? maskBefore : (mask ?? undefined);
    const state: Account = {
      ...account,
      name: name ?? account.name,
      ...(limit.value === undefined ? {} : { overdraft: limit.value }),
      ...(maskAfter === undefined ? {} : { mask: maskAfter }),
    };
    const isSame =
      state.name === funded.name && maskAfter === maskBefore && limit.value === limitBefore;
    if (isSame) return ok(unchanged(state));
    const edited = AccountEdited({
      accountId: state.id,
      name: state.name,
      ...(maskAfter === undefined ? {} : { mask: maskAfter }),
      ...(limit.value === undefined
        ? {}
        : { overdraft: Money.spell(Money.of(limit.value, state.currency)) }),
    });
    return ok({ state, events: [edited] });
  },

  deactivate(funded: Funded, at: Instant): Result<Changed, AccountInUse> {
    const { posted, held: kept, ...account } = funded;
    if (account.status === "deactivated") return ok(unchanged(account));
    if (posted !== 0n || kept !== 0n || account.pair !== undefined)
      return err({ type: "account-in-use" });
    return ok({
      state: { ...account, status: "deactivated" },
      events: [AccountDeactivated({ accountId: account.id, deactivatedAt: at })],
    });
  },

  reactivate(funded: Funded): Changed {
    const { posted: _, held: __, ...account } = funded;
    if (account.status === "active") return unchanged(account);
    return {
      state: { ...account, status: "active" },
      events: [AccountReactivated({ accountId: account.id })],
    };
  },
};
