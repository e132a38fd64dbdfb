import type { Change } from "#kernel/change.ts";
import type { Saves } from "#kernel/repository.ts";
import type { DriveEvent } from "../../domain/events.ts";
import type { OwnerId, SpaceId, UserId } from "../../domain/ids.ts";
import type { Space } from "../../domain/space.ts";

export type Spaces = Saves<Space, DriveEvent> & {
  /** Whether anything besides its root is in a space, or in its trash. */
  readonly hasNodes: (id: SpaceId) => Promise<boolean>;
  /** Deletes a space with its root. Where something has come into it, the unit of work ends in `conflict`. */
  readonly close: (change: Change<Space, DriveEvent>) => void;
  readonly byId: (id: SpaceId) => Promise<Space | undefined>;
  /** The spaces of others that a user is a member of, in the order of their opening, as those of an owner. */
  readonly ofMember: (userId: UserId) => Promise<readonly Space[]>;
  readonly ofOwner: (ownerId: OwnerId) => Promise<readonly Space[]>;
};
