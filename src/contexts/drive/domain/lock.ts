import type { Change } from "#kernel/change.ts";
import { Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { branded, oneOf, type Brand, type Infer } from "#kernel/shape.ts";
import { Version, type Versioned } from "#kernel/version.ts";
import { LockPlaced, LockReleased, LockRenewed, type DriveEvent } from "./events.ts";
import type { LockId, NodeId, SpaceId, UserId } from "./ids.ts";

/** An `exclusive` lock tolerates no other one, a `shared` one tolerates shared ones. */
export const LockScope = oneOf("exclusive", "shared");
export type LockScope = Infer<typeof LockScope>;

/** For how long a lock holds. */
export type LockSeconds = Brand<number, "LockSeconds">;
export const LockSeconds = {
  ...branded<LockSeconds>("number of seconds", {
    schema: { type: "integer", minimum: 1, maximum: 7 * 86_400 },
  }),
  usual: 1_800 as LockSeconds,
};

/**
 * Says that a user works on a file or a folder. It is advisory: it keeps others from a lock that does not go with it, and from nothing else, and
 * the file stays as it is.
 */
export type Lock = Versioned & {
  readonly id: LockId;
  readonly nodeId: NodeId;
  readonly spaceId: SpaceId;
  readonly holderId: UserId;
  readonly scope: LockScope;
  /** With all that lies below a folder. */
  readonly coversBelow: boolean;
  readonly note?: string;
  readonly createdAt: Instant;
  readonly expiresAt: Instant;
};

/** Locks in one space at most. */
export const maxLocks = 1_000;

export type LockNotFound = { readonly type: "lock-not-found"; readonly lockId: LockId };
export type TooManyLocks = { readonly type: "too-many-locks"; readonly maxLocks: number };
/** Another lock holds there, above or, where the new one covers it, below. */
export type NodeLocked = {
  readonly type: "node-locked";
  readonly lockId: LockId;
  readonly lockedId: NodeId;
  readonly holderId: UserId;
  readonly until: Instant;
};

type Placing = Omit<Lock, "version" | "expiresAt">;
const until = (from: Instant, seconds: LockSeconds) => Instant.plus(from, seconds * 1_000);

export const Lock = {
  /** `others`: those that hold on the node, on folders above that cover it, and on what it covers. */
  place(
    placing: Placing,
    seconds: LockSeconds,
    others: readonly Lock[],
  ): Result<Change<Lock, DriveEvent>, NodeLocked> {
    const { id: lockId, nodeId, holderId, scope, createdAt } = placing;
    const other = others.find((one) => scope === "exclusive" || one.scope === "exclusive");
    if (other)
      return err({
        type: "node-locked",
        lockId: other.id,
        lockedId: other.nodeId,
        holderId: other.holderId,
        until: other.expiresAt,
      });
    return ok({
      state: { ...placing, expiresAt: until(createdAt, seconds), version: Version.none },
      events: [LockPlaced({ lockId, lockedId: nodeId, holderId })],
    });
  },

  renew(lock: Lock, seconds: LockSeconds, at: Instant): Change<Lock, DriveEvent> {
    const { id: lockId, nodeId: lockedId } = lock;
    return {
      state: { ...lock, expiresAt: until(at, seconds) },
      events: [LockRenewed({ lockId, lockedId })],
    };
  },

  release(lock: Lock): Change<Lock, DriveEvent> {
    const { id: lockId, nodeId: lockedId } = lock;
    return { state: lock, events: [LockReleased({ lockId, lockedId })] };
  },
};
