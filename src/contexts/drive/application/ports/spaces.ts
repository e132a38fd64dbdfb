import type { Saves } from "#kernel/repository.ts";
import type { DriveEvent } from "../../domain/events.ts";
import type { OwnerId, SpaceId, UserId } from "../../domain/ids.ts";
import type { Space } from "../../domain/space.ts";

export type Spaces = Saves<Space, DriveEvent> & {
  readonly byId: (id: SpaceId) => Promise<Space | undefined>;
  /** The spaces of others that a user is a member of, in the order of their opening, as those of an owner. */
  readonly ofMember: (userId: UserId) => Promise<readonly Space[]>;
  readonly ofOwner: (ownerId: OwnerId) => Promise<readonly Space[]>;
};
