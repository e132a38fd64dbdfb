import type { Context } from "#kernel/context.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import type { AccountNotFound } from "../../domain/account.ts";
import type { Holding } from "../../domain/holding.ts";
import { AccountId } from "../../domain/ids.ts";
import { permitted } from "../accounts/owned-account.ts";
import { Permissions } from "../permission.ts";
import type { AccountsScope } from "../ports/scope.ts";

export const ListHoldings = shape({ accountId: AccountId });
export type ListHoldings = Infer<typeof ListHoldings>;

type Deps = { readonly read: Read<AccountsScope>; readonly mayAct: MayAct };

/** What an account elsewhere holds besides money, by instrument. */
export function listHoldings({ read, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.readAccount);
  return async (
    { accountId }: ListHoldings,
    context: Context,
  ): Promise<Result<readonly Holding[], AccountNotFound | Forbidden>> =>
    read(context, async ({ accounts, holdings }) => {
      const visible = await seen(await accounts.byId(accountId), accountId, context);
      return visible.ok ? ok(await holdings.ofAccount(accountId)) : visible;
    });
}
