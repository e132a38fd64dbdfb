import { Instant } from "#kernel/instant.ts";
import { Flag } from "#kernel/scalars.ts";
import { described, list, named, optional, shape } from "#kernel/shape.ts";
import { LockNote } from "../application/locks/locks.ts";
import { LockId, NodeId, UserId } from "../domain/ids.ts";
import { LockScope, maxLocks, type Lock } from "../domain/lock.ts";

export const LockView = named(
  "Lock",
  shape({
    id: LockId,
    nodeId: described("The file or the folder that is locked", NodeId),
    holderId: described("The user who works on it", UserId),
    scope: described("An `exclusive` one tolerates no other lock", LockScope),
    coversBelow: described("Whether all that lies below is locked, too", Flag),
    note: optional(described("What the holder says to others", LockNote)),
    createdAt: described("When it was placed", Instant),
    expiresAt: described("When it ends", Instant),
  }),
);
export const LocksView = named("Locks", shape({ items: list(LockView, 2 * maxLocks) }));
export const toLock = ({ version: _version, spaceId: _spaceId, ...told }: Lock) => told;
