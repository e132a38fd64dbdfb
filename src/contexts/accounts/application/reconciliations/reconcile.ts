import type { Context } from "#kernel/context.ts";
import { CivilDate } from "#kernel/civil-date.ts";
import type { Clock } from "#kernel/instant.ts";
import { Money } from "#kernel/money.ts";
import { pageOf, pageSize, type Page } from "#kernel/page.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import type { AccountNotFound, Funded } from "../../domain/account.ts";
import {
  Agreement,
  type AgreementInvalid,
  type AgreementNotFound,
  type BalanceDiffers,
} from "../../domain/agreement.ts";
import { AccountId } from "../../domain/ids.ts";
import { permitted } from "../accounts/owned-account.ts";
import { Permissions } from "../permission.ts";
import type { AccountsScope } from "../ports/scope.ts";
import { lockOfLines } from "../statements/run-imports.ts";

/** `balance` is what the owner knows of the end of the day; without it, what the provider told. */
export const Reconcile = shape({
  accountId: AccountId,
  on: CivilDate,
  balance: optional(Money),
});
export type Reconcile = Infer<typeof Reconcile>;

export const LiftAgreement = shape({ accountId: AccountId, on: CivilDate });
export type LiftAgreement = Infer<typeof LiftAgreement>;

export const AgreementPageSize = pageSize({ usual: 50, most: 1_000 });
export const ListAgreements = shape({
  accountId: AccountId,
  limit: optional(AgreementPageSize),
  cursor: optional(CivilDate),
});
export type ListAgreements = Infer<typeof ListAgreements>;

type Deps = {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly read: Read<AccountsScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};
type Always = AccountNotFound | Forbidden | Conflict;

/** The balance of the end of a day as the provider told it. */
async function toldOn(
  { balances }: Pick<AccountsScope, "balances">,
  accountId: AccountId,
  on: CivilDate,
): Promise<Money | undefined> {
  const before = CivilDate.plus(on, 1);
  const [told] = await balances.page({ accountId, before, limit: 1 });
  return told?.on === on && told.at === undefined ? told.amount : undefined;
}

const locking = (accountId: AccountId) => ({ lock: [lockOfLines(accountId)] });

/** Agrees to the balance of a mirror at the end of a day, if it equals the sum of the lines. From then on those lines cannot change. */
export function reconcile({ unitOfWork, mayAct, clock }: Deps) {
  const seen = permitted(mayAct, Permissions.decideStatements);
  return (
    { accountId, on, balance }: Reconcile,
    context: Context,
  ): Promise<Result<Agreement, AgreementInvalid | BalanceDiffers | Always>> =>
    unitOfWork(
      context,
      async (scope): Promise<Result<Agreement, AgreementInvalid | BalanceDiffers | Always>> => {
        const visible = await seen(await scope.accounts.byId(accountId), accountId, context);
        if (!visible.ok) return visible;
        const { posted: _, held: __, ...account } = visible.value;
        const agreedAt = clock.now();
        const day = Agreement.mayBeOf(account, on, CivilDate.ofInstant(agreedAt));
        if (!day.ok) return day;
        const [told, past, isUndoing] = await Promise.all([
          toldOn(scope, accountId, on),
          scope.journal.onDate(accountId, on),
          account.ownerId !== undefined && scope.imports.isUndoing(account.ownerId),
        ]);
        const stated = balance ?? told;
        if (isUndoing) return err({ type: "agreement-invalid", reason: "undoing" });
        if (!stated) return err({ type: "agreement-invalid", reason: "untold" });
        const derived = Money.of(past.posted, account.currency);
        const change = Agreement.agree(account, { on, stated, derived, agreedAt });
        if (!change.ok) return change;
        scope.accounts.save(change.value);
        scope.balances.agree(change.value.agreement);
        return ok(change.value.agreement);
      },
      locking(accountId),
    );
}

type NotLifted = AgreementNotFound | AgreementInvalid;

/** Takes the newest agreement of an account back. */
export function liftAgreement({ unitOfWork, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.decideStatements);
  return (
    { accountId, on }: LiftAgreement,
    context: Context,
  ): Promise<Result<Funded, NotLifted | Always>> =>
    unitOfWork(
      context,
      async ({ accounts, balances }): Promise<Result<Funded, NotLifted | Always>> => {
        const visible = await seen(await accounts.byId(accountId), accountId, context);
        if (!visible.ok) return visible;
        const { posted, held, ...account } = visible.value;
        const [newest, before] = await balances.agreements({ accountId, limit: 2 });
        if (!newest || newest.on < on) return err({ type: "agreement-not-found", on });
        const change = Agreement.lift(account, on, before?.on);
        if (!change.ok) return change;
        balances.lift(accountId, on);
        return ok({ ...accounts.save(change.value), posted, held });
      },
      locking(accountId),
    );
}

/** What was agreed of an account, newest day first. */
export function listAgreements({ read, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.readAccount);
  return async (
    { accountId, limit = AgreementPageSize.usual, cursor }: ListAgreements,
    context: Context,
  ): Promise<Result<Page<Agreement, CivilDate>, AccountNotFound | Forbidden>> =>
    read(context, async ({ accounts, balances }) => {
      const visible = await seen(await accounts.byId(accountId), accountId, context);
      if (!visible.ok) return visible;
      const found = await balances.agreements({ accountId, before: cursor, limit: limit + 1 });
      return ok(pageOf(found, limit, ({ on }) => on));
    });
}
