import type { Change } from "#kernel/change.ts";
import type { CivilDate } from "#kernel/civil-date.ts";
import type { Instant } from "#kernel/instant.ts";
import { Money, type SpelledMoney } from "#kernel/money.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { Version, type Versioned } from "#kernel/version.ts";
import {
  TransferExpired,
  TransferHeld,
  TransferPosted,
  TransferVoided,
  type AccountsEvent,
} from "./events.ts";
import type { AccountId, EntryId, TransferId } from "./ids.ts";
import type { Memo, Tag } from "./labels.ts";
import type { Accounts, Movement } from "./ledger.ts";
import { maxMinor } from "./posting.ts";

/** An amount that moves from one account to another of the same currency. */
export type Leg = { readonly from: AccountId; readonly to: AccountId; readonly amount: Money };

/** The terms of a transfer. Its legs happen all or none, in their order. */
export type Terms = {
  readonly id: TransferId;
  readonly legs: readonly Leg[];
  readonly memo?: Memo;
  readonly tags: readonly Tag[];
  /** The actor who made it, and may post or void it. */
  readonly madeBy: string;
  /** For how many seconds it was to be held, or on which day to be posted, if either was said. */
  readonly holdS?: number;
  readonly date?: CivilDate;
};

type Made = Versioned & Terms;
/** The amounts are held on the accounts that they come from. */
export type PendingTransfer = Made & { readonly status: "pending"; readonly expiresAt: Instant };
/** `moved` are the legs as they were posted; a hold may be posted in part. */
export type PostedTransfer = Made & {
  readonly status: "posted";
  readonly moved: readonly Leg[];
  readonly entryId: EntryId;
};
/** Nothing was moved, and the hold is released. */
export type EndedTransfer = Made & { readonly status: "voided" | "expired" };
export type Transfer = PendingTransfer | PostedTransfer | EndedTransfer;

export type TransferNotFound = {
  readonly type: "transfer-not-found";
  readonly transferId: TransferId;
};
/** `leg`: which one, from 0. `trading-account`: only exchanges and entries go through the accounts of a currency pair. */
export type TransferInvalid = {
  readonly type: "transfer-invalid";
  readonly reason:
    | "no-legs"
    | "not-positive"
    | "too-large"
    | "same-account"
    | "repeated-leg"
    | "dated-hold"
    | "trading-account";
  readonly leg?: number;
};
/** Another transfer has this id and differs in these fields. */
export type TransferExists = {
  readonly type: "transfer-exists";
  readonly differs: readonly ("legs" | "memo" | "tags" | "maker" | "holdS" | "date")[];
};
/** A transfer is posted, voided or expired once. */
export type TransferResolved = {
  readonly type: "transfer-resolved";
  readonly status: "posted" | "voided" | "expired";
};
/** The requested part is above the hold, not positive, in another currency, or of a transfer with several legs. */
export type PartInvalid = {
  readonly type: "part-invalid";
  readonly reason: "above-hold" | "not-positive" | "several-legs" | "other-currency";
  readonly held: readonly SpelledMoney[];
};

type Changed<T extends Transfer> = Change<T, AccountsEvent>;
type Posting = { readonly entryId: EntryId; readonly date: CivilDate };

const spellLeg = ({ amount, ...leg }: Leg) => ({ ...leg, amount: Money.spell(amount) });
const spelled = ({ id, legs, memo, tags }: Omit<Terms, "madeBy">) => ({
  transferId: id,
  legs: legs.map(spellLeg),
  ...(memo === undefined ? {} : { memo }),
  tags,
});
const termsOf = ({ id, legs, memo, tags, madeBy, holdS, date, version }: Transfer): Made => ({
  id,
  legs,
  ...(memo === undefined ? {} : { memo }),
  tags,
  madeBy,
  ...(holdS === undefined ? {} : { holdS }),
  ...(date === undefined ? {} : { date }),
  version,
});

const flawed = (reason: TransferInvalid["reason"], leg?: number) =>
  err<TransferInvalid>({
    type: "transfer-invalid",
    reason,
    ...(leg === undefined ? {} : { leg }),
  });

/** Whether two values say the same, as JSON would. */
const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

const asPosted = (
  terms: Made,
  moved: readonly Leg[],
  { entryId, date }: Posting,
): Changed<PostedTransfer> => ({
  state: { ...terms, status: "posted", moved, entryId },
  events: [
    TransferPosted({
      ...spelled({ ...terms, legs: moved }),
      ...(terms.holdS === undefined ? {} : { held: terms.legs.map(spellLeg) }),
      entryId,
      date,
    }),
  ],
});

const taken = ({ from: accountId, amount }: Leg, held: bigint): Movement => ({
  accountId,
  amount: Money.negated(amount),
  held,
});
const given = ({ to: accountId, amount }: Leg): Movement => ({ accountId, amount, held: 0n });
const holding = ({ from: accountId, amount }: Leg, held: bigint): Movement => ({
  accountId,
  amount: Money.of(0n, amount.currency),
  held,
});

export const Transfer = {
  /** The terms, if a transfer can be made of them. */
  checked(terms: Terms): Result<Terms, TransferInvalid> {
    if (terms.legs.length === 0) return flawed("no-legs");
    if (terms.holdS !== undefined && terms.date !== undefined) return flawed("dated-hold");
    const pairs = new Set<string>();
    for (const [leg, { from, to, amount }] of terms.legs.entries()) {
      if (amount.minor <= 0n) return flawed("not-positive", leg);
      if (amount.minor > maxMinor) return flawed("too-large", leg);
      if (from === to) return flawed("same-account", leg);
      if (pairs.has(`${from} ${to}`)) return flawed("repeated-leg", leg);
      pairs.add(`${from} ${to}`);
    }
    return ok(terms);
  },

  /** The terms, if no leg touches an account of a currency pair. */
  outsideTrading(terms: Terms, accounts: Accounts): Result<Terms, TransferInvalid> {
    const trades = (id: AccountId) => accounts.get(id)?.pair !== undefined;
    const leg = terms.legs.findIndex(({ from, to }) => trades(from) || trades(to));
    return leg === -1 ? ok(terms) : flawed("trading-account", leg);
  },

  /** Moves the money at once. */
  make: (terms: Terms, posting: Posting): Changed<PostedTransfer> =>
    asPosted({ ...terms, version: Version.none }, terms.legs, posting),

  hold: (terms: Terms, expiresAt: Instant): Changed<PendingTransfer> => ({
    state: { ...terms, status: "pending", expiresAt, version: Version.none },
    events: [TransferHeld({ ...spelled(terms), expiresAt })],
  }),

  /** Returns the transfer if the terms are those that it was made with; names the fields that differ otherwise. */
  repeated(transfer: Transfer, terms: Terms): Result<Transfer, TransferExists> {
    const differs: TransferExists["differs"] = [
      ...(isSame(transfer.legs.map(spellLeg), terms.legs.map(spellLeg)) ? [] : ["legs" as const]),
      ...(transfer.memo === terms.memo ? [] : ["memo" as const]),
      ...(isSame(transfer.tags, terms.tags) ? [] : ["tags" as const]),
      ...(transfer.madeBy === terms.madeBy ? [] : ["maker" as const]),
      ...(transfer.holdS === terms.holdS ? [] : ["holdS" as const]),
      ...(transfer.date === terms.date ? [] : ["date" as const]),
    ];
    return differs.length === 0 ? ok(transfer) : err({ type: "transfer-exists", differs });
  },

  /** Returns the transfer if its money is still held. */
  pending(transfer: Transfer, now: Instant): Result<PendingTransfer, TransferResolved> {
    if (transfer.status !== "pending")
      return err({ type: "transfer-resolved", status: transfer.status });
    if (transfer.expiresAt <= now) return err({ type: "transfer-resolved", status: "expired" });
    return ok(transfer);
  },

  /** Posts the whole hold or a part of it. The rest is released. */
  post(
    transfer: PendingTransfer,
    amount: Money | undefined,
    posting: Posting,
  ): Result<Changed<PostedTransfer>, PartInvalid> {
    const terms = termsOf(transfer);
    if (amount === undefined) return ok(asPosted(terms, transfer.legs, posting));
    const held = transfer.legs.map((leg) => Money.spell(leg.amount));
    const refused = (reason: PartInvalid["reason"]) =>
      err<PartInvalid>({ type: "part-invalid", reason, held });
    const [leg, ...others] = transfer.legs;
    if (leg === undefined || others.length > 0) return refused("several-legs");
    if (amount.currency !== leg.amount.currency) return refused("other-currency");
    if (amount.minor <= 0n) return refused("not-positive");
    if (amount.minor > leg.amount.minor) return refused("above-hold");
    return ok(asPosted(terms, [{ ...leg, amount }], posting));
  },

  void: (transfer: PendingTransfer): Changed<EndedTransfer> => ({
    state: { ...termsOf(transfer), status: "voided" },
    events: [TransferVoided({ transferId: transfer.id, legs: transfer.legs.map(spellLeg) })],
  }),

  expire: (transfer: PendingTransfer): Changed<EndedTransfer> => ({
    state: { ...termsOf(transfer), status: "expired" },
    events: [TransferExpired({ transferId: transfer.id, legs: transfer.legs.map(spellLeg) })],
  }),

  /** Returns the transfer with only the legs that touch the given accounts. */
  seenFrom(transfer: Transfer, accounts: ReadonlySet<AccountId>): Transfer {
    const touches = ({ from, to }: Leg) => accounts.has(from) || accounts.has(to);
    const legs = transfer.legs.filter(touches);
    return transfer.status === "posted"
      ? { ...transfer, legs, moved: transfer.moved.filter(touches) }
      : { ...transfer, legs };
  },

  /** The movements of a transfer: of its receivers while it is pending (zero), at once, of a hold, of posting a hold, and of releasing it. */
  movements: {
    promised: ({ legs }: PendingTransfer): readonly Movement[] =>
      legs.map(({ to: accountId, amount: { currency } }) => ({
        accountId,
        amount: Money.of(0n, currency),
        held: 0n,
      })),
    atOnce: ({ moved }: PostedTransfer): readonly Movement[] =>
      moved.flatMap((leg) => [taken(leg, 0n), given(leg)]),
    held: ({ legs }: PendingTransfer): readonly Movement[] =>
      legs.map((leg) => holding(leg, leg.amount.minor)),
    fromHold: ({ legs, moved }: PostedTransfer): readonly Movement[] =>
      moved.flatMap((leg, i) => [taken(leg, -(legs[i]?.amount.minor ?? 0n)), given(leg)]),
    freed: ({ legs }: Transfer): readonly Movement[] =>
      legs.map((leg) => holding(leg, -leg.amount.minor)),
  },

  /** Its entry of the journal, whose postings are its movements. */
  entry: ({ entryId: id, memo, tags }: PostedTransfer) => ({
    id,
    ...(memo === undefined ? {} : { memo }),
    tags,
  }),
};
