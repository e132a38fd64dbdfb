import { Instant } from "#kernel/instant.ts";
import { Flag } from "#kernel/scalars.ts";
import { described, list, named, oneOf, optional, shape, type Infer } from "#kernel/shape.ts";
import { Version } from "#kernel/version.ts";
import {
  ChildCursor,
  NodePageSize,
  TrashCursor,
  type SeenNode,
} from "../application/nodes/read-nodes.ts";
import { ByteCount, RevisionNumber, Sha256 } from "../domain/content.ts";
import { NodeId, OwnerId, SpaceId } from "../domain/ids.ts";
import { NodeName } from "../domain/node-name.ts";
import type { Node } from "../domain/node.ts";
import { maxSpaces } from "../domain/space.ts";

export const SpaceView = named(
  "Space",
  shape({
    id: SpaceId,
    ownerId: OwnerId,
    name: NodeName,
    rootId: described("The folder that everything in the space lies in", NodeId),
    openedAt: Instant,
  }),
);
export const SpacesView = named("Spaces", shape({ items: list(SpaceView, maxSpaces) }));

export const NodeView = named(
  "Node",
  shape({
    id: NodeId,
    spaceId: SpaceId,
    kind: oneOf("folder", "file"),
    name: NodeName,
    parentId: optional(described("The folder it lies in; the root of a space has none", NodeId)),
    revision: optional(described("Counts the contents of a file, from 1", RevisionNumber)),
    size: optional(described("Bytes of a file", ByteCount)),
    hash: optional(described("SHA-256 of a file, in hexadecimal", Sha256)),
    createdAt: Instant,
    changedAt: Instant,
    trashedAt: optional(Instant),
    version: described("Counts the changes of the node; for `If-Match`", Version),
  }),
);
type NodeView = Infer<typeof NodeView>;

export const toNode = ({ id, spaceId, kind, name, createdAt, changedAt, version, ...more }: Node) =>
  ({
    id,
    spaceId,
    kind,
    name,
    ...("parentId" in more ? { parentId: more.parentId } : {}),
    ...("content" in more ? more.content : {}),
    createdAt,
    changedAt,
    ...("trashedAt" in more ? { trashedAt: more.trashedAt } : {}),
    version,
  }) satisfies NodeView;

export const SeenNodeView = named(
  "SeenNode",
  shape({
    ...NodeView.fields,
    inTrash: described("Whether the node, or a folder above it, is in the trash", Flag),
  }),
);
export const toSeenNode = ({ node, inTrash }: SeenNode) => ({ ...toNode(node), inTrash });

export const ChildrenView = named(
  "Children",
  shape({ items: list(NodeView, NodePageSize.most), nextCursor: optional(ChildCursor) }),
);
export const TrashView = named(
  "Trash",
  shape({ items: list(NodeView, NodePageSize.most), nextCursor: optional(TrashCursor) }),
);
