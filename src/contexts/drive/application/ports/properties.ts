import type { NodeId, SpaceId } from "../../domain/ids.ts";
import type { Property } from "../../domain/property.ts";

type NodeCopy = { readonly from: NodeId; readonly to: NodeId; readonly spaceId: SpaceId };

/** What clients keep with files and folders. */
export type Properties = {
  /** Those of some nodes of a space; of nodes without any there is none. */
  readonly of: (
    spaceId: SpaceId,
    nodeIds: readonly NodeId[],
  ) => Promise<ReadonlyMap<NodeId, readonly Property[]>>;
  /** Those of some nodes of a space that have any. */
  readonly having: (spaceId: SpaceId, nodeIds: readonly NodeId[]) => Promise<readonly NodeId[]>;
  /** In place of all that the node has. */
  readonly save: (
    node: { readonly id: NodeId; readonly spaceId: SpaceId },
    properties: readonly Property[],
  ) => void;
  readonly copy: (copies: readonly NodeCopy[]) => void;
};
