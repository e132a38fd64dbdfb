import type { Change } from "#kernel/change.ts";
import type { CivilDate } from "#kernel/civil-date.ts";
import type { Instant } from "#kernel/instant.ts";
import { Money, type SpelledMoney } from "#kernel/money.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Account, Mirror } from "./account.ts";
import { AgreementLifted, BalanceAgreed, type AccountsEvent } from "./events.ts";
import type { AccountId } from "./ids.ts";
import type { Line } from "./line.ts";

/** An owner has agreed to a balance of the end of a day: lines of that day, and of those before, stay as they are. */
export type Agreement = {
  readonly accountId: AccountId;
  readonly on: CivilDate;
  readonly balance: Money;
  readonly agreedAt: Instant;
};

/** The stated balance is not the sum of the lines. */
export type BalanceDiffers = {
  readonly type: "balance-differs";
  readonly stated: SpelledMoney;
  readonly derived: SpelledMoney;
  readonly difference: SpelledMoney;
};
/**
 * `not-elsewhere`: only accounts that mirror others are reconciled; `day-not-over`: more may come; `agreed-later`: a later day is agreed already;
 * `undoing`: an import of the owner is being taken back; `untold`: the provider told no balance of the end of that day, so the request must; `other-currency`: the account has another one.
 */
export type AgreementInvalid = {
  readonly type: "agreement-invalid";
  /** The newest day that is agreed, if that is why. */
  readonly agreedUntil?: CivilDate;
  readonly reason:
    | "not-elsewhere"
    | "day-not-over"
    | "agreed-later"
    | "undoing"
    | "untold"
    | "other-currency";
};
/** No balance of that day is agreed. */
export type AgreementNotFound = { readonly type: "agreement-not-found"; readonly on: CivilDate };

/** The balance up to a day is agreed, and what is asked for would change it. */
export type DayReconciled = {
  readonly type: "day-reconciled";
  readonly accountId: AccountId;
  readonly until: CivilDate | undefined;
};

const invalid = (reason: AgreementInvalid["reason"], agreedUntil?: CivilDate) =>
  err<AgreementInvalid>({
    type: "agreement-invalid",
    reason,
    ...(agreedUntil === undefined ? {} : { agreedUntil }),
  });

/** A line moves booked money on a day that is agreed. */
const counts = (line: Pick<Line, "status" | "date"> | undefined, until: CivilDate): boolean =>
  line?.status === "booked" && line.date <= until;

type Moving = Pick<Line, "status" | "date" | "amount">;

export const Agreement = {
  /** Whether a balance of a day can be agreed. */
  mayBeOf(
    { elsewhere, agreedUntil }: Account,
    on: CivilDate,
    today: CivilDate,
  ): Result<void, AgreementInvalid> {
    if (elsewhere === undefined) return invalid("not-elsewhere");
    if (on >= today) return invalid("day-not-over");
    if (agreedUntil !== undefined && on <= agreedUntil) return invalid("agreed-later", agreedUntil);
    return ok(undefined);
  },

  /** Agrees to a balance, once `mayBeOf` allows the day. */
  agree(
    account: Account,
    {
      stated,
      derived,
      ...agreement
    }: Omit<Agreement, "accountId" | "balance"> & {
      readonly stated: Money;
      readonly derived: Money;
    },
  ): Result<
    Change<Account, AccountsEvent> & { readonly agreement: Agreement },
    AgreementInvalid | BalanceDiffers
  > {
    const { on } = agreement;
    if (stated.currency !== account.currency) return invalid("other-currency");
    if (stated.minor !== derived.minor)
      return err({
        type: "balance-differs",
        stated: Money.spell(stated),
        derived: Money.spell(derived),
        difference: Money.spell(Money.of(stated.minor - derived.minor, stated.currency)),
      });
    return ok({
      state: { ...account, agreedUntil: on },
      events: [BalanceAgreed({ accountId: account.id, on, balance: Money.spell(stated) })],
      agreement: { accountId: account.id, balance: stated, ...agreement },
    });
  },

  /** Takes the newest agreement back: the one before it, if there is one, holds on. */
  lift(
    { agreedUntil, ...account }: Account,
    on: CivilDate,
    before: CivilDate | undefined,
  ): Result<Change<Account, AccountsEvent>, AgreementNotFound | AgreementInvalid> {
    if (agreedUntil !== on) return invalid("agreed-later", agreedUntil);
    return ok({
      state: { ...account, ...(before === undefined ? {} : { agreedUntil: before }) },
      events: [AgreementLifted({ accountId: account.id, on })],
    });
  },

  /** Whether a change of a line moves money of a day that is agreed. */
  forbids(
    { agreedUntil: until }: Pick<Mirror, "agreedUntil">,
    { before, after }: { readonly before?: Moving | undefined; readonly after: Moving },
  ): boolean {
    if (until === undefined || !(counts(before, until) || counts(after, until))) return false;
    const isSame =
      before?.status === after.status &&
      before.date === after.date &&
      before.amount.minor === after.amount.minor;
    return !isSame;
  },
};
