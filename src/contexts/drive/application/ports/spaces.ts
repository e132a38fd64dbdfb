import type { Saves } from "#kernel/repository.ts";
import type { DriveEvent } from "../../domain/events.ts";
import type { OwnerId, SpaceId } from "../../domain/ids.ts";
import type { Space } from "../../domain/space.ts";

export type Spaces = Saves<Space, DriveEvent> & {
  readonly byId: (id: SpaceId) => Promise<Space | undefined>;
  /** The spaces of an owner, in the order of their opening. */
  readonly ofOwner: (ownerId: OwnerId) => Promise<readonly Space[]>;
};
