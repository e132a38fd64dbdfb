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
import { ProviderId } from "../../domain/provider.ts";
import { Permissions } from "../permission.ts";
import type { Provider } from "../ports/providers.ts";
import type { AccountsScope } from "../ports/scope.ts";
import { fileProviders, providerOf, type ProviderUnknown } from "../statements/provider-of.ts";

/**
 * For the actor, unless `ownerId` says otherwise. Without `overdraft` it may not fall below zero, but an
 * account of the book may; `null` lifts the limit. With a `provider` it mirrors an account there.
 */
export const OpenAccount = shape({
  name: AccountName,
  type: AccountType,
  currency: Currency,
  ownerId: optional(OwnerId),
  mask: optional(Mask),
  overdraft: optional(orNull(Money)),
  provider: optional(ProviderId),
});
export type OpenAccount = Infer<typeof OpenAccount>;

type Deps = {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly providers: readonly Provider[];
};
type Outcome = Result<
  Funded,
  OwnerMismatch | OverdraftInvalid | ProviderUnknown | Forbidden | Conflict
>;

/** Opens an account without money. */
export function openAccount({ unitOfWork, mayAct, clock, newId, providers }: Deps) {
  return async (
    { ownerId, overdraft, type, provider: providerId, ...facts }: OpenAccount,
    context: Context,
  ): Promise<Outcome> => {
    const ofBook = isOfTheBook(type);
    const actor = OwnerId.parse(context.actor);
    const owner = ownerId ?? (ofBook || !actor.ok ? undefined : actor.value);
    const isPlain = !ofBook && overdraft === undefined && owner === context.actor;
    const permission = isPlain ? Permissions.openAccount : Permissions.manageAccounts;
    const allowed = await mayAct(context, permission);
    if (!allowed.ok) return allowed;
    const provider =
      providerId === undefined ? undefined : providerOf(fileProviders(providers), providerId);
    if (provider && !provider.ok) return provider;

    return unitOfWork(context, async ({ accounts }): Promise<Outcome> => {
      if (provider && owner !== undefined && !ofBook) {
        const { outside, ...mirror } = Account.openMirror({
          id: newId(AccountId),
          type,
          ...facts,
          ownerId: owner,
          elsewhere: { provider: provider.value.id, outsideId: newId(AccountId) },
          openedAt: clock.now(),
        });
        accounts.save(outside);
        return ok({ ...accounts.save(mirror), posted: 0n, held: 0n });
      }
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
