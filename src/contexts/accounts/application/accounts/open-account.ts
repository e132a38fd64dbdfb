import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import { Currency, Money } from "#kernel/money.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, orNull, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import {
  Account,
  type Funded,
  type OverdraftInvalid,
  type OwnerMismatch,
} from "../../domain/account.ts";
import { AccountType, isOfTheBook } from "../../domain/account-type.ts";
import { AccountId, OwnerId } from "../../domain/ids.ts";
import { AccountName, Mask } from "../../domain/labels.ts";
import { Permissions } from "../permission.ts";
import type { AccountsScope } from "../ports/scope.ts";

/**
 * For the actor, unless `ownerId` says otherwise. Without `overdraft` it may not fall below zero, but an
 * account of the book may; `null` lifts the limit.
 */
export const OpenAccount = shape({
  name: AccountName,
  type: AccountType,
  currency: Currency,
  ownerId: optional(OwnerId),
  mask: optional(Mask),
  overdraft: optional(orNull(Money)),
});
export type OpenAccount = Infer<typeof OpenAccount>;

type Deps = {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
};
type Outcome = Result<Funded, OwnerMismatch | OverdraftInvalid | Forbidden | Conflict>;

/** Opens an account without money. */
export function openAccount({ unitOfWork, mayAct, clock, newId }: Deps) {
  return async (
    { ownerId, overdraft, type, ...facts }: OpenAccount,
    context: Context,
  ): Promise<Outcome> => {
    const ofBook = isOfTheBook(type);
    const actor = OwnerId.parse(context.actor);
    const owner = ownerId ?? (ofBook || !actor.ok ? undefined : actor.value);
    const isPlain = !ofBook && overdraft === undefined && owner === context.actor;
    const permission = isPlain ? Permissions.openAccount : Permissions.manageAccounts;
    const allowed = await mayAct(context, permission);
    if (!allowed.ok) return allowed;

    return unitOfWork(context, async ({ accounts }): Promise<Outcome> => {
      const opened = Account.open({
        id: newId(AccountId),
        type,
        ...facts,
        ...(owner === undefined ? {} : { ownerId: owner }),
        overdraft: overdraft === undefined ? usualLimit(type, facts.currency) : overdraft,
        openedAt: clock.now(),
      });
      if (!opened.ok) return err(opened.error);
      return ok({ ...accounts.save(opened.value), posted: 0n, held: 0n });
    });
  };
}

const usualLimit = (type: AccountType, currency: Currency): Money | null =>
  isOfTheBook(type) ? null : Money.of(0n, currency);
