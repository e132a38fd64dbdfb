import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { Money } from "#kernel/money.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import type { Change } from "#kernel/change.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, orNull, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Version, type PreconditionFailed } from "#kernel/version.ts";
import {
  Account,
  type AccountInUse,
  type AccountNotFound,
  type Funded,
  type OverdraftInvalid,
} from "../../domain/account.ts";
import type { AccountsEvent } from "../../domain/events.ts";
import { AccountId } from "../../domain/ids.ts";
import { AccountName, Mask } from "../../domain/labels.ts";
import { Permissions } from "../permission.ts";
import type { AccountsScope } from "../ports/scope.ts";
import { permitted } from "./owned-account.ts";

/** `null` removes the mask, or the limit of the overdraft. */
export const EditAccount = shape({
  accountId: AccountId,
  expectedVersion: Version,
  name: optional(AccountName),
  mask: optional(orNull(Mask)),
  overdraft: optional(orNull(Money)),
});
export type EditAccount = Infer<typeof EditAccount>;

export const AccountStep = shape({ accountId: AccountId, expectedVersion: Version });
export type AccountStep = Infer<typeof AccountStep>;

type Deps = {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};
type Always = AccountNotFound | PreconditionFailed | Forbidden | Conflict;

/** Decides on an account that the actor may change, at the version that they saw. */
function changing<R>(
  { unitOfWork, mayAct }: Pick<Deps, "unitOfWork" | "mayAct">,
  decide: (account: Funded) => Result<Change<Account, AccountsEvent>, R>,
) {
  const seen = permitted(mayAct, Permissions.updateAccount);
  type Outcome = Result<Funded, R | Always>;
  return ({ accountId, expectedVersion }: AccountStep, context: Context): Promise<Outcome> =>
    unitOfWork(context, async ({ accounts }): Promise<Outcome> => {
      const visible = await seen(await accounts.byId(accountId), accountId, context);
      if (!visible.ok) return visible;
      const { posted, held } = visible.value;
      const found = Account.expected(visible.value, { id: accountId, version: expectedVersion });
      if (!found.ok) return found;
      const decided = decide(found.value);
      return decided.ok
        ? ok({ ...accounts.save(decided.value), posted, held })
        : err(decided.error);
    });
}

/** Changes the details that are given. Overdrafts are changed with `accounts:manage` only. */
export function editAccount(deps: Deps) {
  return async (
    { accountId, expectedVersion, ...edit }: EditAccount,
    context: Context,
  ): Promise<Result<Funded, OverdraftInvalid | Always>> => {
    if (edit.overdraft !== undefined) {
      const allowed = await deps.mayAct(context, Permissions.manageAccounts);
      if (!allowed.ok) return allowed;
    }
    return changing(deps, (account) => Account.edit(account, edit))(
      { accountId, expectedVersion },
      context,
    );
  };
}

/** Closes an account without money or holds; it takes no postings until it is active again. */
export const deactivateAccount = ({ clock, ...deps }: Deps) =>
  changing<AccountInUse>(deps, (account) => Account.deactivate(account, clock.now()));

export const reactivateAccount = (deps: Deps) =>
  changing<never>(deps, (account) => ok(Account.reactivate(account)));
