import type { Change } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Saves } from "#kernel/repository.ts";
import type { DriveEvent } from "../../domain/events.ts";
import type { LockId, NodeId, SpaceId, UserId } from "../../domain/ids.ts";
import type { Lock } from "../../domain/lock.ts";
import type { Located } from "../../domain/node.ts";

/** Locks that have not expired at `now`, the oldest first. */
export type Locks = Saves<Lock, DriveEvent> & {
  readonly byId: (id: LockId, now: Instant) => Promise<Lock | undefined>;
  /** Those on a node, and those on folders above that cover it. */
  readonly covering: (found: Located, now: Instant) => Promise<readonly Lock[]>;
  /** Those on what lies below a folder. */
  readonly below: (folderId: NodeId, spaceId: SpaceId, now: Instant) => Promise<readonly Lock[]>;
  readonly count: (spaceId: SpaceId, now: Instant) => Promise<number>;
  readonly release: (change: Change<Lock, DriveEvent>) => void;
  /** Ends the locks that a user holds in a space. */
  readonly endOf: (holderId: UserId, spaceId: SpaceId) => void;
  /** Deletes those of a space that have expired. */
  readonly expire: (spaceId: SpaceId, now: Instant) => void;
};
