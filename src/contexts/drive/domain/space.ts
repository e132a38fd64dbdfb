import type { Change } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import { Version, type Versioned } from "#kernel/version.ts";
import { SpaceOpened, type DriveEvent } from "./events.ts";
import type { NodeId, OwnerId, SpaceId } from "./ids.ts";
import type { NodeName } from "./node-name.ts";

/** A tree of files that one user owns. */
export type Space = Versioned & {
  readonly id: SpaceId;
  readonly ownerId: OwnerId;
  readonly name: NodeName;
  /** The folder that everything lies in. */
  readonly rootId: NodeId;
  readonly openedAt: Instant;
};

export type SpaceNotFound = { readonly type: "space-not-found"; readonly spaceId: SpaceId };

/** Spaces of one user at most. */
export const maxSpaces = 20;
export type TooManySpaces = { readonly type: "too-many-spaces"; readonly maxSpaces: number };

export const Space = {
  open(space: Omit<Space, "version">): Change<Space, DriveEvent> {
    const { id: spaceId, ownerId, rootId, name } = space;
    return {
      state: { ...space, version: Version.none },
      events: [SpaceOpened({ spaceId, ownerId, rootId, name })],
    };
  },
};
