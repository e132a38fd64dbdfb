import type { Change } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Saves } from "#kernel/repository.ts";
import type { DriveEvent } from "../../domain/events.ts";
import type { Fingerprint } from "../../domain/content.ts";
import type { NodeId, OwnerId, SpaceId } from "../../domain/ids.ts";
import type { Folder, Located, Node, Placed, PlacedFile, Trashed } from "../../domain/node.ts";
import type { MemberRole } from "../../domain/member-role.ts";
import type { NameKey, NodeName } from "../../domain/node-name.ts";
import type { Rewinding } from "../../domain/rewind.ts";

/** A node with the folders above it, the owner of its space, and the role of one user in that space. */
export type Owned<N extends Node = Node> = Located<N> & {
  readonly ownerId: OwnerId;
  readonly role: MemberRole | undefined;
};

/** `inTrash`: the node, or a folder above it. */
export type SeenNode = { readonly node: Node; readonly inTrash: boolean };

/** A node, and the names of the folders above it from the top, without the root. */
export type FoundNode = { readonly node: Placed; readonly above: readonly NodeName[] };

export type Nodes = Saves<Node, DriveEvent> & {
  /** `userId`: whose role in the space is told. */
  readonly locate: (id: NodeId, userId: string) => Promise<Owned | undefined>;
  /** Those of the ids that there are. */
  readonly seen: (ids: readonly NodeId[]) => Promise<readonly SeenNode[]>;
  /** Saves many changes of what lies below a folder, all of one instant. Names may be exchanged among them. */
  readonly saveAll: (
    folder: Folder,
    changes: Pick<Rewinding, "changed" | "created" | "at">,
  ) => void;
  /** Those nodes of names in folders that there are, without those in the trash. */
  readonly named: (
    spots: readonly { readonly parentId: NodeId; readonly name: NodeName }[],
  ) => Promise<readonly Placed[]>;
  /** The node of a name in a folder, unless it is in the trash. */
  readonly child: (folderId: NodeId, key: NameKey) => Promise<Placed | undefined>;
  /** The nodes on a way down from a folder, as far as it leads, without those in the trash. */
  readonly down: (folderId: NodeId, keys: readonly NameKey[]) => Promise<readonly Placed[]>;
  /** Nodes in a folder in the order of their names, after one of them, without those in the trash. */
  readonly children: (page: {
    readonly folderId: NodeId;
    readonly after?: NameKey | undefined;
    readonly limit: number;
  }) => Promise<readonly Placed[]>;
  /** Those nodes of a space whose names have all of some parts, the ones that were changed last first, without those in the trash. Not all are compared where there are very many. */
  readonly search: (wanted: {
    readonly spaceId: SpaceId;
    readonly words: readonly string[];
    readonly limit: number;
  }) => Promise<{ readonly items: readonly FoundNode[]; readonly isComplete: boolean }>;
  /** A file of a space that has a content now, and is not in the trash by itself. */
  readonly withContent: (spaceId: SpaceId, content: Fingerprint) => Promise<PlacedFile | undefined>;
  /** Folders below one another in a folder, itself included; more than `most` are not counted. Those in the trash count. */
  readonly height: (folderId: NodeId, most: number) => Promise<number>;
  /** Deletes some of the nodes below a folder, the deepest first, with their contents and their names in events. Answers how many. */
  readonly purgeBelow: (folderId: NodeId, limit: number) => Promise<number>;
  /** Deletes a node that nothing lies below, with its contents and its name in events. */
  readonly purge: (change: Change<Trashed, DriveEvent>) => void;
  /** Nodes that were put in the trash by themselves before an instant. */
  readonly expired: (
    before: Instant,
    besides: readonly NodeId[],
    limit: number,
  ) => Promise<readonly Trashed[]>;
  /** What was put in the trash of a space by itself, the newest first. */
  readonly trashed: (page: {
    readonly spaceId: SpaceId;
    readonly before?: { readonly trashedAt: Instant; readonly id: NodeId } | undefined;
    readonly limit: number;
  }) => Promise<readonly Trashed[]>;
};
