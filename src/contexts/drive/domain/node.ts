import { unchanged, type Change } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { Version, type Versioned } from "#kernel/version.ts";
import { RevisionNumber, type Content, type Fingerprint, type NewContent } from "./content.ts";
import {
  FileCreated,
  FileRevised,
  FolderCreated,
  FolderRewound,
  NodeMoved,
  NodePurged,
  NodeRestored,
  NodeTrashed,
  RootRenamed,
  type DriveEvent,
} from "./events.ts";
import type { NodeId, SpaceId } from "./ids.ts";
import type { NodeName } from "./node-name.ts";

/** Folders above one another, the root included. */
export const maxDepth = 100;

type AnyNode = Versioned & {
  readonly id: NodeId;
  readonly spaceId: SpaceId;
  readonly name: NodeName;
  readonly createdAt: Instant;
  readonly changedAt: Instant;
};
type OfFolder = { readonly kind: "folder" };
type OfFile = { readonly kind: "file"; readonly content: Content };
/** The root of a space has no parent. It cannot be moved, renamed or trashed. */
export type Root = AnyNode & OfFolder & { readonly status: "root" };
type Placing = AnyNode & { readonly status: "placed"; readonly parentId: NodeId };
export type PlacedFolder = Placing & OfFolder;
export type PlacedFile = Placing & OfFile;
export type Placed = PlacedFolder | PlacedFile;
/** It was in this folder, with all that lies below it. */
export type Trashed = AnyNode &
  (OfFolder | OfFile) & {
    readonly status: "trashed";
    readonly parentId: NodeId;
    readonly trashedAt: Instant;
  };
export type Folder = Extract<Node, OfFolder>;
export type File = Extract<Node, OfFile>;
export type Node = Root | Placed | Trashed;

/** The folders above a node, the nearest first, and which of them are in the trash themselves. */
export type Above = readonly { readonly id: NodeId; readonly isTrashed: boolean }[];
/** A node where it is. */
export type Located<N extends Node = Node> = { readonly node: N; readonly above: Above };

export type NodeNotFound = { readonly type: "node-not-found"; readonly nodeId: NodeId };
/** The node, or a folder above it, is in the trash: `trashedId` is the one to restore. */
export type NodeInTrash = {
  readonly type: "node-in-trash";
  readonly nodeId: NodeId;
  readonly trashedId: NodeId;
};
export type NodeNotInTrash = { readonly type: "node-not-in-trash"; readonly nodeId: NodeId };
export type NodeIsRoot = { readonly type: "node-is-root"; readonly nodeId: NodeId };
/** A folder cannot lie below itself. */
export type NodeCycle = { readonly type: "node-cycle"; readonly nodeId: NodeId };
export type TooDeep = { readonly type: "too-deep"; readonly maxDepth: number };
export type NotAFolder = { readonly type: "not-a-folder"; readonly nodeId: NodeId };
export type NotAFile = { readonly type: "not-a-file"; readonly nodeId: NodeId };
/** The file has been changed since the revision that the caller saw. */
export type StaleRevision = {
  readonly type: "stale-revision";
  readonly currentRevision: RevisionNumber;
};
/** Nodes stay in the space that they were made in. */
export type OtherSpace = { readonly type: "other-space"; readonly spaceId: SpaceId };
/** Another node in the folder has the name, or one that differs in case or Unicode form only. */
export type NameTaken = { readonly type: "name-taken"; readonly takenBy: NodeId };

type Place = { readonly parentId: NodeId; readonly name: NodeName };
type Changed<N extends Node> = Change<N, DriveEvent>;
type Creation = Pick<Node, "id" | "spaceId" | "name" | "createdAt">;

export const isInTrash = ({ node, above }: Located): boolean =>
  node.status === "trashed" || above.some(({ isTrashed }) => isTrashed);

/** Says which node to restore first: the highest of those that were put in the trash. */
export function inTrash({ node, above }: Located): NodeInTrash {
  const highest = above.findLast(({ isTrashed }) => isTrashed);
  return { type: "node-in-trash", nodeId: node.id, trashedId: highest?.id ?? node.id };
}

export type Unwritable = NotAFile | NodeInTrash;

/** The node as a file whose content may change. */
export function asWritable(found: Located): Result<PlacedFile, Unwritable> {
  const { node } = found;
  if (node.kind !== "file") return err({ type: "not-a-file", nodeId: node.id });
  return node.status === "trashed" || isInTrash(found) ? err(inTrash(found)) : ok(node);
}

/** What events tell of a content. */
const told = ({ size, hash }: Fingerprint): Fingerprint => ({ size, hash });

const created = ({ createdAt, ...facts }: Creation) => ({
  ...facts,
  createdAt,
  changedAt: createdAt,
  version: Version.none,
});

const isAt = (node: Placed, { parentId, name }: Place): boolean =>
  node.parentId === parentId && node.name === name;

export const Node = {
  root(creation: Creation): Changed<Root> {
    const { id: nodeId, spaceId, name } = creation;
    return {
      state: { ...created(creation), kind: "folder", status: "root" },
      events: [FolderCreated({ nodeId, spaceId, name })],
    };
  },

  renameRoot(root: Root, name: NodeName, at: Instant): Changed<Root> {
    if (root.name === name) return unchanged(root);
    const { id: nodeId, spaceId } = root;
    return {
      state: { ...root, name, changedAt: at },
      events: [RootRenamed({ nodeId, spaceId, name })],
    };
  },

  createFolder(creation: Creation, parentId: NodeId): Changed<PlacedFolder> {
    const { id: nodeId, spaceId, name } = creation;
    return {
      state: { ...created(creation), kind: "folder", status: "placed", parentId },
      events: [FolderCreated({ nodeId, spaceId, parentId, name })],
    };
  },

  createFile(creation: Creation, parentId: NodeId, held: NewContent): Changed<PlacedFile> {
    const { id: nodeId, spaceId, name } = creation;
    const content = { ...held, revision: RevisionNumber.first };
    return {
      state: { ...created(creation), kind: "file", status: "placed", parentId, content },
      events: [FileCreated({ nodeId, spaceId, parentId, name, ...told(held) })],
    };
  },

  /** Compare and swap: refuses a change of a revision that is not the newest, unless it changes nothing. */
  revise(
    file: PlacedFile,
    held: NewContent,
    { base, at }: { readonly base: RevisionNumber; readonly at: Instant },
  ): Result<Changed<PlacedFile>, StaleRevision> {
    const { id: nodeId, spaceId, content } = file;
    if (content.hash === held.hash) return ok(unchanged(file));
    const currentRevision = content.revision;
    if (currentRevision !== base) return err({ type: "stale-revision", currentRevision });
    const revision = RevisionNumber.after(currentRevision);
    return ok({
      state: { ...file, content: { ...held, revision }, changedAt: at },
      events: [FileRevised({ nodeId, spaceId, revision, ...told(held) })],
    });
  },

  /** Whether something may come to lie in a folder. `height`: the folders that come with it, one below the other. */
  mayHold(
    folder: Located,
    moving: { readonly id: NodeId; readonly spaceId: SpaceId; readonly height: number },
  ): Result<void, NodeInTrash | NodeCycle | TooDeep | OtherSpace> {
    const { node, above } = folder;
    if (node.spaceId !== moving.spaceId) return err({ type: "other-space", spaceId: node.spaceId });
    if (isInTrash(folder)) return err(inTrash(folder));
    const isBelow = [node, ...above].some(({ id }) => id === moving.id);
    if (isBelow) return err({ type: "node-cycle", nodeId: moving.id });
    const depth = above.length + 1 + moving.height;
    return depth > maxDepth ? err({ type: "too-deep", maxDepth }) : ok(undefined);
  },

  /** Whether the name is free for a node among the others of a folder. */
  mayBeNamed(id: NodeId, other: Node | undefined): Result<void, NameTaken> {
    return other === undefined || other.id === id
      ? ok(undefined)
      : err({ type: "name-taken", takenBy: other.id });
  },

  move<N extends Placed>(node: N, to: Place, at: Instant): Changed<N> {
    if (isAt(node, to)) return unchanged(node);
    const { id: nodeId, spaceId } = node;
    return {
      state: { ...node, ...to, changedAt: at },
      events: [NodeMoved({ nodeId, spaceId, ...to })],
    };
  },

  trash({ status: _status, ...node }: Placed, at: Instant): Changed<Trashed> {
    const { id: nodeId, spaceId } = node;
    return {
      state: { ...node, status: "trashed", trashedAt: at, changedAt: at },
      events: [NodeTrashed({ nodeId, spaceId })],
    };
  },

  /** Deletes what is in the trash for good. */
  purge(node: Trashed): Changed<Trashed> {
    const { id: nodeId, spaceId } = node;
    return { state: node, events: [NodePurged({ nodeId, spaceId })] };
  },

  /** Says that what lies below a folder was made what it was. */
  rewind(folder: Folder, to: Instant): Changed<Folder> {
    const { id: nodeId, spaceId } = folder;
    return { state: folder, events: [FolderRewound({ nodeId, spaceId, to })] };
  },

  restore(
    { status: _status, trashedAt: _trashedAt, ...node }: Trashed,
    to: Place,
    at: Instant,
  ): Changed<Placed> {
    const { id: nodeId, spaceId } = node;
    return {
      state: { ...node, ...to, status: "placed", changedAt: at },
      events: [NodeRestored({ nodeId, spaceId, ...to })],
    };
  },
};
