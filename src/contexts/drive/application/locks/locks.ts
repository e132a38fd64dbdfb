import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { Flag, text } from "#kernel/scalars.ts";
import { described, optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { LockId, NodeId, UserId, type SpaceId } from "../../domain/ids.ts";
import {
  Lock,
  LockScope,
  LockSeconds,
  maxLocks,
  type LockNotFound,
  type NodeLocked,
  type TooManyLocks,
} from "../../domain/lock.ts";
import { inTrash, isInTrash, type NodeInTrash } from "../../domain/node.ts";
import { alone } from "../nodes/alone.ts";
import { permitted, type Unseen } from "../nodes/located.ts";
import { Permissions } from "../permission.ts";
import type { Owned } from "../ports/nodes.ts";
import type { DriveScope } from "../ports/scope.ts";

const [maxNote, leastNote] = [1_000, 1];
export const LockNote = text(maxNote, leastNote);

/** An exclusive lock for half an hour, with all that lies below, unless it is said otherwise. */
export const PlaceLock = shape({
  nodeId: NodeId,
  scope: optional(
    described(
      "`exclusive` tolerates no other lock, `shared` tolerates shared ones; `exclusive` by default",
      LockScope,
    ),
  ),
  coversBelow: optional(
    described("Whether all that lies below a folder is locked, too; true by default", Flag),
  ),
  seconds: optional(described("For how long; 1800 by default, a week at most", LockSeconds)),
  note: optional(described("What others are told", LockNote)),
});
export type PlaceLock = Infer<typeof PlaceLock>;

/** `below`: those on what lies below, too. */
export const ListLocks = shape({
  nodeId: NodeId,
  below: optional(described("Whether to list those on what lies below, too", Flag)),
});
export type ListLocks = Infer<typeof ListLocks>;

export const RenewLock = shape({
  lockId: LockId,
  seconds: optional(described("For how long from now on; 1800 by default", LockSeconds)),
});
export type RenewLock = Infer<typeof RenewLock>;

export const ReleaseLock = shape({ lockId: LockId });
export type ReleaseLock = Infer<typeof ReleaseLock>;

type Deps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly read: Read<DriveScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
};

/** Those who lock at once wait for each other: of two that do not go together, one is refused. */
const lockOfLocks = (id: SpaceId): string => `drive.locks/${id}`;

/** Locks a file or a folder for the actor. */
export function placeLock(deps: Deps) {
  const { mayAct, clock, newId } = deps;
  const seen = permitted(mayAct, Permissions.changeNode);
  type Refused = Unseen | NodeInTrash | NodeLocked | TooManyLocks;

  async function place(
    { locks }: DriveScope,
    found: Owned,
    { scope = "exclusive", coversBelow = true, seconds = LockSeconds.usual, note }: PlaceLock,
    holderId: UserId,
  ): Promise<Result<Lock, NodeLocked | TooManyLocks>> {
    const { id: nodeId, spaceId, kind } = found.node;
    const now = clock.now();
    if ((await locks.count(spaceId, now)) >= maxLocks)
      return err({ type: "too-many-locks", maxLocks });
    const covered = kind === "folder" && coversBelow ? await locks.below(nodeId, spaceId, now) : [];
    const others = [...(await locks.covering(found, now)), ...covered];
    const lock = {
      id: newId(LockId),
      nodeId,
      spaceId,
      holderId,
      scope,
      coversBelow: kind === "folder" && coversBelow,
      ...(note === undefined ? {} : { note }),
      createdAt: now,
    };
    const placed = Lock.place(lock, seconds, others);
    if (!placed.ok) return placed;
    locks.expire(spaceId, now);
    return ok(locks.save(placed.value));
  }

  return (input: PlaceLock, context: Context): Promise<Result<Lock, Refused | Conflict>> => {
    const find = (scope: DriveScope) => seen(scope, input.nodeId, context);
    return alone(deps)<Owned, Lock, Refused>(context, find, {
      lockOf: ({ node }) => lockOfLocks(node.spaceId),
      async work(scope) {
        const found = await find(scope);
        if (!found.ok) return found;
        if (isInTrash(found.value)) return err(inTrash(found.value));
        const holder = UserId.parse(context.actor);
        return place(scope, found.value, input, holder.ok ? holder.value : found.value.ownerId);
      },
    });
  };
}

/** Lists the locks that cover a file or a folder, the oldest first. */
export function listLocks({ read, mayAct, clock }: Deps) {
  const seen = permitted(mayAct, Permissions.readNode);
  return async (
    { nodeId, below = false }: ListLocks,
    context: Context,
  ): Promise<Result<readonly Lock[], Unseen>> =>
    read(context, async (scope) => {
      const found = await seen(scope, nodeId, context);
      if (!found.ok) return found;
      const now = clock.now();
      const covering = await scope.locks.covering(found.value, now);
      const { spaceId } = found.value.node;
      return ok([...covering, ...(below ? await scope.locks.below(nodeId, spaceId, now) : [])]);
    });
}

type Unheld = LockNotFound | Forbidden;

/** The lock, if it holds, the actor may change what is locked, and may act for one of `those` as well. */
const heldLock =
  (
    { mayAct, clock }: Pick<Deps, "mayAct" | "clock">,
    those: (lock: Lock, found: Owned) => readonly UserId[],
  ) =>
  async (scope: DriveScope, lockId: LockId, context: Context): Promise<Result<Lock, Unheld>> => {
    const lock = await scope.locks.byId(lockId, clock.now());
    if (!lock) return err({ type: "lock-not-found", lockId });
    const found = await permitted(mayAct, Permissions.changeNode)(scope, lock.nodeId, context);
    if (!found.ok)
      return err(
        found.error.type === "forbidden" ? found.error : { type: "lock-not-found", lockId },
      );
    let may: Result<void, Forbidden> = ok(undefined);
    for (const owner of those(lock, found.value)) {
      may = await mayAct(context, Permissions.changeNode, { owner });
      if (may.ok) return ok(lock);
    }
    return may.ok ? ok(lock) : may;
  };

/** Lets a lock hold for longer, or shorter, from now on. */
export function renewLock(deps: Deps) {
  const held = heldLock(deps, ({ holderId }) => [holderId]);
  return (
    { lockId, seconds = LockSeconds.usual }: RenewLock,
    context: Context,
  ): Promise<Result<Lock, Unheld | Conflict>> => {
    const find = (scope: DriveScope) => held(scope, lockId, context);
    // Whoever places another one meanwhile sees this lock as it was, or renewed.
    return alone(deps)<Lock, Lock, Unheld>(context, find, {
      lockOf: ({ spaceId }) => lockOfLocks(spaceId),
      async work(scope) {
        const lock = await find(scope);
        if (!lock.ok) return lock;
        return ok(scope.locks.save(Lock.renew(lock.value, seconds, deps.clock.now())));
      },
    });
  };
}

/** Ends a lock, as its holder does, or the owner of the space. */
export function releaseLock(deps: Deps) {
  const held = heldLock(deps, ({ holderId }, { ownerId }) => [holderId, ownerId]);
  type Outcome = Result<void, Unheld | Conflict>;
  return async ({ lockId }: ReleaseLock, context: Context): Promise<Outcome> =>
    deps.unitOfWork(context, async (scope): Promise<Outcome> => {
      const lock = await held(scope, lockId, context);
      if (!lock.ok) return lock;
      scope.locks.release(Lock.release(lock.value));
      return ok(undefined);
    });
}
