import type { Context } from "#kernel/context.ts";
import { pageOf, pageSize, type Page } from "#kernel/page.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { ok, type Result } from "#kernel/result.ts";
import { oneOf, optional, shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import type { AccountNotFound } from "../../domain/account.ts";
import { AccountId } from "../../domain/ids.ts";
import { Transfer } from "../../domain/transfer.ts";
import { permitted } from "../accounts/owned-account.ts";
import { LineNumber } from "../ledger/read-ledger.ts";
import { Permissions } from "../permission.ts";
import type { AccountsScope } from "../ports/scope.ts";

export const TransferPageSize = pageSize({ usual: 20, most: 100 });
export const TransferStatus = oneOf("pending", "posted", "voided", "expired");

/** Transfers that take from an account or have given to it, the newest first. */
export const ListTransfers = shape({
  accountId: AccountId,
  status: optional(TransferStatus),
  limit: optional(TransferPageSize),
  cursor: optional(LineNumber),
});
export type ListTransfers = Infer<typeof ListTransfers>;

type Deps = { readonly read: Read<AccountsScope>; readonly mayAct: MayAct };
type Outcome = Result<Page<Transfer, LineNumber>, AccountNotFound | Forbidden>;

/** Lists transfers of an account, with those legs alone that the account takes part in. */
export function listTransfers({ read, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.readTransfer);
  return async (
    { accountId, status, limit = TransferPageSize.usual, cursor }: ListTransfers,
    context: Context,
  ): Promise<Outcome> =>
    read(context, async ({ accounts, transfers }): Promise<Outcome> => {
      const visible = await seen(await accounts.byId(accountId), accountId, context);
      if (!visible.ok) return visible;
      const found = await transfers.touching({
        accountId,
        status,
        before: cursor,
        limit: limit + 1,
      });
      const { items, ...page } = pageOf(found, limit, ({ sequence }) => sequence as LineNumber);
      const own = new Set([accountId]);
      const once = new Map(items.map(({ transfer }) => [transfer.id, transfer]));
      return ok({
        ...page,
        items: [...once.values()].map((transfer) => Transfer.seenFrom(transfer, own)),
      });
    });
}
