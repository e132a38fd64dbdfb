import type { Context } from "#kernel/context.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { AccountNotFound } from "../../domain/account.ts";
import type { Accounts } from "../../domain/ledger.ts";
import type { Leg } from "../../domain/transfer.ts";
import { Permissions } from "../permission.ts";

/** Checks that the actor may take money from every account that the legs debit. */
export const mayTake =
  (mayAct: MayAct) =>
  async (
    accounts: Accounts,
    legs: readonly Leg[],
    context: Context,
  ): Promise<Result<void, AccountNotFound | Forbidden>> => {
    for (const from of new Set(legs.map((leg) => leg.from))) {
      const account = accounts.get(from);
      if (!account) return err({ type: "account-not-found", accountId: from });
      const allowed = await mayAct(context, Permissions.makeTransfer, { owner: account.ownerId });
      if (!allowed.ok) return allowed;
    }
    return ok(undefined);
  };
