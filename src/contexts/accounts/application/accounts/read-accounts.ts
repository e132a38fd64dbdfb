import { CivilDate } from "#kernel/civil-date.ts";
import type { Context } from "#kernel/context.ts";
import { Instant } from "#kernel/instant.ts";
import { Money } from "#kernel/money.ts";
import { pageOf, pageSize, type Page } from "#kernel/page.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { oneOf, optional, shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { Account, type AccountNotFound, type Funded } from "../../domain/account.ts";
import { AccountId, OwnerId } from "../../domain/ids.ts";
import { Permissions } from "../permission.ts";
import type { AccountsScope } from "../ports/scope.ts";
import { permitted } from "./owned-account.ts";

export const AccountPageSize = pageSize({ usual: 20, most: 100 });

export const GetAccount = shape({ accountId: AccountId });
export type GetAccount = Infer<typeof GetAccount>;

/** Accounts of the actor, or of the user `ownerId`; `of: "everybody"` means all, with those of the book. */
export const ListAccounts = shape({
  ownerId: optional(OwnerId),
  of: optional(oneOf("owner", "everybody")),
  status: optional(oneOf("active", "deactivated")),
  limit: optional(AccountPageSize),
  cursor: optional(AccountId),
});
export type ListAccounts = Infer<typeof ListAccounts>;

/** `at` is an instant of recording, now by default; `on` is a day of entries. */
export const GetBalance = shape({
  accountId: AccountId,
  at: optional(Instant),
  on: optional(CivilDate),
});
export type GetBalance = Infer<typeof GetBalance>;

export type BalanceView = {
  readonly posted: Money;
  /** Missing on a day, since holds have no date. */
  readonly held?: Money;
  /** Missing where nothing limits the account, and for the past. */
  readonly available?: Money;
};

/** A balance is asked for at an instant or on a day. */
export type TimeAmbiguous = { readonly type: "time-ambiguous"; readonly reason: "at-and-on" };

type Deps = { readonly read: Read<AccountsScope>; readonly mayAct: MayAct };

export function getAccount({ read, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.readAccount);
  return async (
    { accountId }: GetAccount,
    context: Context,
  ): Promise<Result<Funded, AccountNotFound | Forbidden>> =>
    seen(await read(context, ({ accounts }) => accounts.byId(accountId)), accountId, context);
}

/** Accounts in the order of their opening. */
export function listAccounts({ read, mayAct }: Deps) {
  return async (
    { ownerId, of: whose = "owner", status, limit = AccountPageSize.usual, cursor }: ListAccounts,
    context: Context,
  ): Promise<Result<Page<Funded, AccountId>, Forbidden>> => {
    const actor = OwnerId.parse(context.actor);
    const owner =
      whose === "everybody" ? undefined : (ownerId ?? (actor.ok ? actor.value : undefined));
    const allowed = await mayAct(context, Permissions.readAccount, { owner });
    if (!allowed.ok) return allowed;
    const page = { ownerId: owner, status, after: cursor, limit: limit + 1 };
    const found = await read(context, ({ accounts }) => accounts.page(page));
    return ok(pageOf(found, limit, ({ id }) => id));
  };
}

/** Returns the balance of an account, now or in the past. */
export function getBalance({ read, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.readAccount);
  return async (
    { accountId, at, on }: GetBalance,
    context: Context,
  ): Promise<Result<BalanceView, AccountNotFound | TimeAmbiguous | Forbidden>> => {
    if (at !== undefined && on !== undefined)
      return err({ type: "time-ambiguous", reason: "at-and-on" });
    return read(context, async (scope) => {
      const visible = await seen(await scope.accounts.byId(accountId), accountId, context);
      if (!visible.ok) return visible;
      const account = visible.value;
      const money = (minor: bigint) => Money.of(minor, account.currency);
      const past = await pastOf(scope, account, { at, on });
      const { posted, held } = past ?? account;
      const left = past ? undefined : Account.available(account);
      return ok({
        posted: money(posted),
        ...(held === undefined ? {} : { held: money(held) }),
        ...(left === undefined ? {} : { available: money(left) }),
      });
    });
  };
}

type When = { readonly at: Instant | undefined; readonly on: CivilDate | undefined };

/** The balance of then; undefined for now. */
async function pastOf({ journal }: AccountsScope, { id }: Account, { at, on }: When) {
  if (on !== undefined) return journal.onDate(id, on);
  return at === undefined ? undefined : journal.at(id, at);
}
