import type { Instant } from "#kernel/instant.ts";
import type { NodeId, SpaceId } from "../../domain/ids.ts";
import type { NodeName } from "../../domain/node-name.ts";

/** An event of the log. A log that was restored to an earlier state does not have it any more. */
export type Mark = { readonly position: number; readonly id: string };
/** The place before the first event. */
export const beginning: Mark = { position: 0, id: "" };
export type NodeChange = Mark & { readonly nodeId: NodeId; readonly at: Instant };

/** Where a node was. The root of a space lies nowhere. */
export type PlaceAt = {
  readonly nodeId: NodeId;
  readonly parentId: NodeId | undefined;
  readonly name: NodeName;
  readonly isTrashed: boolean;
};
/** `lost`: nodes that lay somewhere then, and are deleted for good, so that nobody knows where. */
export type PlacesAt = { readonly places: readonly PlaceAt[]; readonly lost: readonly NodeId[] };

/** What has changed in a space, in one order for all who ask. */
export type Changes = {
  /** The last event that no other one can come before, and whether the log has an event. It has `beginning` while none was pruned. */
  readonly look: (
    before: Mark | undefined,
  ) => Promise<{ readonly last: Mark | undefined; readonly isKnown: boolean }>;
  /** Spaces of which events tell after a position, up to another one. */
  readonly spaces: (page: {
    readonly after: number;
    readonly until: number;
  }) => Promise<readonly SpaceId[]>;
  /** Changes of nodes of a space after a position, up to another one. */
  readonly between: (page: {
    readonly spaceId: SpaceId;
    readonly after: number;
    readonly until: number;
    readonly limit: number;
  }) => Promise<readonly NodeChange[]>;
  /** Where nodes and the folders above them were after the event at a position; now, without one. Those that were made later were nowhere. */
  readonly placesAt: (nodeIds: readonly NodeId[], after: number | undefined) => Promise<PlacesAt>;
};
