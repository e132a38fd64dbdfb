import type { NodeId, SpaceId } from "../domain/ids.ts";
import { nameKey } from "../domain/node-name.ts";
import { joined, ownFolder } from "./local-tree.ts";
import { ChangesFacts, ChildrenFacts, Refused, type NodeFacts, type Server } from "./server.ts";

/** The files and folders below a folder as the client knows them, and from where on it has to ask for changes. */
export type Mirror = {
  readonly nodes: Map<NodeId, NodeFacts>;
  cursor: string | undefined;
};

/** Nodes and changes that are asked for at once. */
export const pageSize = 1_000;

/** What lies in a folder, page by page. */
export async function* childrenOf(server: Server, id: NodeId): AsyncGenerator<NodeFacts> {
  let cursor: string | undefined;
  do {
    const query = { limit: pageSize, cursor };
    const page = await server.ask(ChildrenFacts, "GET", `nodes/${id}/children`, { query });
    yield* page.items;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}

async function walk(server: Server, mirror: Mirror, folderId: NodeId): Promise<void> {
  const folders: NodeId[] = [folderId];
  for (let id = folders.pop(); id !== undefined; id = folders.pop())
    for await (const node of childrenOf(server, id)) {
      mirror.nodes.set(node.id, node);
      if (node.kind === "folder") folders.push(node.id);
    }
}

export const childrenIn = (
  nodes: ReadonlyMap<NodeId, NodeFacts>,
): ReadonlyMap<NodeId, readonly NodeFacts[]> =>
  Map.groupBy([...nodes.values()].filter(hasParent), ({ parentId }) => parentId);

const hasParent = (node: NodeFacts): node is NodeFacts & { readonly parentId: NodeId } =>
  node.parentId !== undefined;

/** Forgets a node with all that lies below it. */
export function forget({ nodes }: Mirror, { id, kind }: Pick<NodeFacts, "id" | "kind">): void {
  if (!nodes.delete(id) || kind === "file") return;
  const children = childrenIn(nodes);
  const gone = [...(children.get(id) ?? [])];
  for (let node = gone.pop(); node !== undefined; node = gone.pop()) {
    nodes.delete(node.id);
    for (const child of children.get(node.id) ?? []) gone.push(child);
  }
}

/** What a folder of this machine is synced with is there no more. Nothing is deleted here. */
export class FolderGone extends Error {}

type Place = { readonly spaceId: SpaceId; readonly folderId: NodeId };

/** Notes what has changed. A folder that was not known, or comes back from the trash, is walked; what lies elsewhere is of no concern. */
async function note(
  server: Server,
  mirror: Mirror,
  { items, folderId }: { readonly items: readonly NodeFacts[] } & Pick<Place, "folderId">,
): Promise<void> {
  const isBelow = ({ inTrash, parentId }: NodeFacts) =>
    !inTrash && parentId !== undefined && (parentId === folderId || mirror.nodes.has(parentId));
  for (const node of items) {
    if (node.id === folderId && node.inTrash)
      throw new FolderGone(`the folder on the server, ${node.name}, is in the trash`);
    if (!isBelow(node)) {
      forget(mirror, node);
      continue;
    }
    const isNew = !mirror.nodes.has(node.id);
    mirror.nodes.set(node.id, node);
    if (isNew && node.kind === "folder") await walk(server, mirror, node.id);
  }
}

/** Brings a mirror to the present: by what has changed, or by the whole tree where that cannot be told. */
export async function refresh(
  server: Server,
  mirror: Mirror,
  { spaceId, folderId }: Place,
): Promise<"refreshed" | "lost"> {
  const path = `spaces/${spaceId}/changes`;
  let isLost = false;
  try {
    for (let hasMore = mirror.cursor !== undefined; hasMore;) {
      const query = { limit: pageSize, cursor: mirror.cursor };
      const page = await server.ask(ChangesFacts, "GET", path, { query });
      if (page.purged.includes(folderId))
        throw new FolderGone("the folder on the server was deleted for good");
      for (const id of page.purged)
        forget(mirror, { id, kind: mirror.nodes.get(id)?.kind ?? "file" });
      await note(server, mirror, { items: page.items, folderId });
      mirror.cursor = page.nextCursor;
      ({ hasMore } = page);
    }
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== "CURSOR_LOST") throw error;
    isLost = true;
  }
  if (mirror.cursor !== undefined && !isLost) return "refreshed";
  const { nextCursor } = await server.ask(ChangesFacts, "GET", path);
  mirror.nodes.clear();
  await walk(server, mirror, folderId);
  mirror.cursor = nextCursor;
  return isLost ? "lost" : "refreshed";
}

/** A file or a folder of the server, at its path below the synced folder. */
export type RemoteItem = NodeFacts & { readonly parentId: NodeId; readonly path: string };

/** All that lies below a folder, each folder before what is in it. */
export function remoteTree(mirror: Mirror, folderId: NodeId): ReadonlyMap<NodeId, RemoteItem> {
  const children = childrenIn(mirror.nodes);
  const found = new Map<NodeId, RemoteItem>();
  const descend = (parentId: NodeId, folder: string): void => {
    for (const node of children.get(parentId) ?? []) {
      if (nameKey(node.name) === ownFolder) continue;
      const path = joined(folder, node.name);
      found.set(node.id, { ...node, parentId, path });
      descend(node.id, path);
    }
  };
  descend(folderId, "");
  return found;
}
