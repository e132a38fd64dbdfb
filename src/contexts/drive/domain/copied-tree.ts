import type { Change } from "#kernel/change.ts";
import type { NewId } from "#kernel/id.ts";
import { newContentOf } from "./content.ts";
import type { DriveEvent } from "./events.ts";
import { NodeId } from "./ids.ts";
import { Node, type Placed } from "./node.ts";
import type { Recovered } from "./rewind.ts";

/** Files and folders that one copy makes at most. */
export const maxCopied = 10_000;

type Creation = Pick<Node, "id" | "spaceId" | "name" | "createdAt"> & { readonly parentId: NodeId };

/** `created`: all of them, each folder before what lies in it; `sources`: what each is a copy of. */
export type CopiedTree = {
  readonly sources: readonly NodeId[];
  readonly root: Change<Placed, DriveEvent>;
  readonly created: readonly Change<Placed, DriveEvent>[];
  readonly contents: readonly Recovered[];
};

function copyOf(node: Node, { parentId, ...creation }: Creation) {
  if (node.kind === "folder") return { change: Node.createFolder(creation, parentId), held: [] };
  const change = Node.createFile(creation, parentId, newContentOf(node.content));
  return { change, held: [{ file: change.state, from: node.id, held: node.content }] };
}

/** Folders below one another, the node itself included; 0 for a file. `below`: each folder before what lies in it. */
export function heightOf({ id, kind }: Node, below: readonly Placed[]): number {
  const depths = new Map<NodeId, number>([[id, kind === "folder" ? 1 : 0]]);
  let height = depths.get(id) ?? 0;
  for (const one of below) {
    if (one.kind === "file") continue;
    const depth = (depths.get(one.parentId) ?? 0) + 1;
    depths.set(one.id, depth);
    height = Math.max(height, depth);
  }
  return height;
}

/** Other nodes of what a node, and what lies below it, are now. */
export function copiedTree(
  source: Node,
  {
    below,
    to,
    newId,
  }: { readonly below: readonly Placed[]; readonly to: Creation; readonly newId: NewId },
): CopiedTree {
  const ids = new Map<NodeId, NodeId>([[source.id, to.id]]);
  const { spaceId, createdAt } = to;
  const root = copyOf(source, to);
  const copies = [root];
  for (const node of below) {
    const [id, parentId] = [newId(NodeId), ids.get(node.parentId) ?? to.id];
    ids.set(node.id, id);
    copies.push(copyOf(node, { id, parentId, spaceId, name: node.name, createdAt }));
  }
  return {
    sources: [source, ...below].map(({ id }) => id),
    root: root.change,
    created: copies.map(({ change }) => change),
    contents: copies.flatMap(({ held }) => held),
  };
}
