import type { Context } from "#kernel/context.ts";
import type { Forbidden, MayAct, Permission } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { AccountNotFound, Funded } from "../../domain/account.ts";
import type { AccountId } from "../../domain/ids.ts";

/** The account, if there is one and the actor has the permission on it. */
export const permitted =
  (mayAct: MayAct, permission: Permission) =>
  async (
    account: Funded | undefined,
    accountId: AccountId,
    context: Context,
  ): Promise<Result<Funded, AccountNotFound | Forbidden>> => {
    if (!account) return err({ type: "account-not-found", accountId });
    const allowed = await mayAct(context, permission, { owner: account.ownerId });
    return allowed.ok ? ok(account) : allowed;
  };
