import { CivilDate } from "#kernel/civil-date.ts";
import type { Context } from "#kernel/context.ts";
import { eachDue, type Done, type Slice } from "#kernel/each-due.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock, Instant } from "#kernel/instant.ts";
import { Money } from "#kernel/money.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { EntryId, OwnerId, TransferId } from "../../domain/ids.ts";
import { Ledger, type Accounts, type MovementRefused } from "../../domain/ledger.ts";
import {
  Transfer,
  type PartInvalid,
  type PendingTransfer,
  type TransferNotFound,
  type TransferResolved,
} from "../../domain/transfer.ts";
import { Permissions } from "../permission.ts";
import type { AccountsScope } from "../ports/scope.ts";
import { mayTake } from "./may-take.ts";

/** All that is held, unless `amount` is a part of it. */
export const PostTransfer = shape({ transferId: TransferId, amount: optional(Money) });
export type PostTransfer = Infer<typeof PostTransfer>;

export const VoidTransfer = shape({ transferId: TransferId });
export type VoidTransfer = Infer<typeof VoidTransfer>;

export const GetTransfer = shape({ transferId: TransferId });
export type GetTransfer = Infer<typeof GetTransfer>;

type Deps = {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly read: Read<AccountsScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
};
type Always = TransferNotFound | TransferResolved | Forbidden | Conflict;

const makerOf = ({ madeBy }: Transfer) => {
  const maker = OwnerId.parse(madeBy);
  return maker.ok ? maker.value : undefined;
};

/** Decides on a pending transfer, for its maker and for callers with `transfers:resolve`. */
function resolving<R>(
  { unitOfWork, mayAct, clock }: Deps,
  transferId: TransferId,
  decide: (
    transfer: PendingTransfer,
    scope: AccountsScope,
    now: Instant,
  ) => Promise<Result<Transfer, R>>,
) {
  type Outcome = Result<Transfer, R | Always>;
  return (context: Context): Promise<Outcome> =>
    unitOfWork(context, async (scope): Promise<Outcome> => {
      const transfer = await scope.transfers.byId(transferId);
      if (!transfer) return err({ type: "transfer-not-found", transferId });
      const owner = makerOf(transfer);
      const allowed = await mayAct(context, Permissions.resolveTransfer, { owner });
      if (!allowed.ok) return allowed;
      const now = clock.now();
      const pending = Transfer.pending(transfer, now);
      return pending.ok ? decide(pending.value, scope, now) : pending;
    });
}

/**
 * Moves the money that a transfer holds, whole or in part. Its maker must still be allowed to take money from its accounts; callers
 * with `transfers:resolve` need not.
 */
export function postTransfer(deps: Deps) {
  const allowedToTake = mayTake(deps.mayAct);
  const mayPost = async (before: Accounts, { legs }: Transfer, context: Context) => {
    const mayResolve = await deps.mayAct(context, Permissions.resolveTransfer);
    return mayResolve.ok ? mayResolve : allowedToTake(before, legs, context);
  };
  return async (
    { transferId, amount }: PostTransfer,
    context: Context,
  ): Promise<Result<Transfer, PartInvalid | MovementRefused | Always>> =>
    resolving<PartInvalid | MovementRefused | Forbidden>(
      deps,
      transferId,
      async (pending, { accounts, journal, transfers }, now) => {
        const posting = { entryId: deps.newId(EntryId), date: CivilDate.ofInstant(now) };
        const posted = Transfer.post(pending, amount, posting);
        if (!posted.ok) return posted;
        const movements = Transfer.movements.fromHold(posted.value.state);
        const ids = [...new Set(movements.map(({ accountId }) => accountId))];
        const before = await accounts.byIds(ids);
        const allowed = await mayPost(before, pending, context);
        if (!allowed.ok) return allowed;
        const moved = Ledger.move(before, movements);
        if (!moved.ok) return moved;
        const entry = Transfer.entry(posted.value.state);
        journal.move(movements, { at: now, date: posting.date, transferId, entry });
        return ok(transfers.save(posted.value));
      },
    )(context);
}

/** Releases the hold of a transfer. */
export function voidTransfer(deps: Deps) {
  return async (
    { transferId }: VoidTransfer,
    context: Context,
  ): Promise<Result<Transfer, Always>> =>
    resolving<never>(deps, transferId, async (pending, { journal, transfers }, now) => {
      free(pending, journal, now);
      return ok(transfers.save(Transfer.void(pending)));
    })(context);
}

const free = (pending: PendingTransfer, journal: AccountsScope["journal"], at: Instant) =>
  journal.move(Transfer.movements.freed(pending), {
    at,
    date: CivilDate.ofInstant(at),
    transferId: pending.id,
  });

/**
 * Gets a transfer, for its maker and for callers with `transfers:read`. The owners of its accounts get those legs alone that their
 * accounts take part in.
 */
export function getTransfer({ read, mayAct }: Deps) {
  return async (
    { transferId }: GetTransfer,
    context: Context,
  ): Promise<Result<Transfer, TransferNotFound | Forbidden>> =>
    read(context, async ({ accounts, transfers }) => {
      const transfer = await transfers.byId(transferId);
      if (!transfer) return err({ type: "transfer-not-found", transferId });
      const owner = makerOf(transfer);
      const allowed = await mayAct(context, Permissions.readTransfer, { owner });
      if (allowed.ok) return ok(transfer);

      const ids = transfer.legs.flatMap(({ from, to }) => [from, to]);
      const found = [...(await accounts.byIds([...new Set(ids)])).values()];
      const theirs = found.filter(({ ownerId }) => ownerId === context.actor);
      const [first] = theirs;
      if (!first) return allowed;
      const seen = await mayAct(context, Permissions.readTransfer, { owner: first.ownerId });
      const own = new Set(theirs.map(({ id }) => id));
      return seen.ok ? ok(Transfer.seenFrom(transfer, own)) : seen;
    });
}

/** Frees the money of transfers whose time is over. One that fails does not stop the others. */
export function expireTransfers({ unitOfWork, read, clock }: Omit<Deps, "mayAct" | "newId">) {
  return async ({ stopping }: Slice, context: Context): Promise<Result<Done, never>> => {
    const now = clock.now();
    const expire = (id: TransferId) =>
      unitOfWork(context, async ({ journal, transfers }) => {
        const transfer = await transfers.byId(id);
        if (transfer?.status !== "pending" || transfer.expiresAt > now) return ok(undefined);
        free(transfer, journal, now);
        transfers.save(Transfer.expire(transfer));
        return ok(undefined);
      });
    const find = (limit: number) => read(context, ({ transfers }) => transfers.expired(now, limit));
    return ok(await eachDue({ find, keyOf: String, act: expire, stopping }));
  };
}
