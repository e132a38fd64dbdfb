import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import type { Funded } from "../../domain/account.ts";
import { OwnerId, type AccountId, type TransferId } from "../../domain/ids.ts";
import { Transfer } from "../../domain/transfer.ts";
import { Permissions } from "../permission.ts";
import type { Sequence } from "../ports/journal.ts";
import type { AccountsScope } from "../ports/scope.ts";

/** Accounts of one owner that are followed, and transfers that are told at once, at most. */
export const [maxFollowed, maxTold] = [200, 100];
/** Each look has time of its own. */
const stepMs = 10_000;

export const FollowAccounts = shape({});
export type FollowAccounts = Infer<typeof FollowAccounts>;

/** Accounts that have changed since the last look, and transfers that have touched them. The first look tells all accounts. */
export type AccountChanges = {
  readonly accounts: readonly Funded[];
  readonly transfers: readonly Transfer[];
  /** Whether there are more transfers to tell at once. */
  readonly hasMore: boolean;
};
/** Looks again each time. */
export type Following = () => Promise<Result<AccountChanges, Forbidden>>;

type Deps = { readonly read: Read<AccountsScope>; readonly mayAct: MayAct; readonly clock: Clock };
type Followed = Funded & { readonly movements: Sequence };
type Seen = Pick<Followed, "version" | "movements">;
type AllSeen = ReadonlyMap<AccountId, Seen>;
type Told = AccountChanges & { readonly seen: AllSeen };

const isChanged = ({ id, version, movements }: Followed, all: AllSeen | undefined) =>
  all?.get(id)?.version !== version || all.get(id)?.movements !== movements;

/** Looks at all accounts of an owner. Nothing was seen before the first look, which tells no transfers. */
async function look(
  { accounts, journal, transfers }: AccountsScope,
  ownerId: OwnerId,
  before: AllSeen | undefined,
): Promise<Told> {
  const followed = await accounts.followed(ownerId, maxFollowed);
  const own = new Set(followed.map(({ id }) => id));
  const seen = new Map<AccountId, Seen>(followed.map((account) => [account.id, account]));
  const changed = followed.filter((account) => isChanged(account, before));
  const told = new Map<TransferId, Transfer>();
  let hasMore = false;
  for (const account of before ? changed : []) {
    const after = before?.get(account.id)?.movements ?? 0;
    const touched = await journal.touching(account.id, after, maxTold);
    if (touched.length === maxTold) {
      hasMore = true;
      seen.set(account.id, { ...account, movements: touched.at(-1)?.sequence ?? after });
    }
    for (const { transferId } of touched) {
      const transfer = told.has(transferId) ? undefined : await transfers.byId(transferId);
      if (transfer) told.set(transferId, Transfer.seenFrom(transfer, own));
    }
  }
  return { accounts: changed, transfers: [...told.values()], hasMore, seen };
}

/** Follows the accounts of the actor. */
export function followAccounts({ read, mayAct, clock }: Deps) {
  return async (_: FollowAccounts, context: Context): Promise<Result<Following, Forbidden>> => {
    const actor = OwnerId.parse(context.actor);
    const owner = actor.ok ? actor.value : undefined;
    const permitted = () => mayAct(context, Permissions.readAccount, { owner });
    const allowed = await permitted();
    if (!allowed.ok) return allowed;
    let seen: AllSeen | undefined;
    return ok(async () => {
      const still = await permitted();
      if (!still.ok) return still;
      if (owner === undefined) return ok({ accounts: [], transfers: [], hasMore: false });
      const inTime = { ...context, deadlineMs: clock.unixMs() + stepMs };
      const { seen: now, ...told } = await read(inTime, (scope) => look(scope, owner, seen));
      seen = now;
      return ok(told);
    });
  };
}
