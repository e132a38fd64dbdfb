import type { Context } from "#kernel/context.ts";
import type { Result } from "#kernel/result.ts";
import type { SeenSpace } from "../../domain/space.ts";
import { NodeId } from "../../domain/ids.ts";
import { NodeName } from "../../domain/node-name.ts";
import type { Node } from "../../domain/node.ts";
import type { Drive } from "../../index.ts";
import { segmentOf } from "../dav/targets.ts";
import type { Names } from "./metadata.ts";
import { conflictWith, failed, granted, within, type Around, type Refusal } from "./refusals.ts";

/** `context`: each step of a call has time of its own. `api`: the address of the API of Basalt. */
export type Asked = {
  readonly drive: Drive;
  readonly context: () => Context;
  readonly api: string;
};

/** What a path leads to: the folder of all spaces, or a node with its names from the space on. */
export type Place =
  | { readonly kind: "home" }
  | { readonly kind: "node"; readonly node: Node; readonly names: Names };

const refusal = (error: Refusal) => ({ ok: false, error }) as const;
const unknownPath: Refusal = { type: "path-not-found" };

/** The names of a path, as in `/Files/Photos`. */
export function namesIn(path: string, around: Around): Names {
  if (path === "" || path === "/") return [];
  const names = path.split("/").slice(1);
  const isPath = path.startsWith("/") && names.every((name) => name !== "");
  if (!isPath) granted(refusal({ type: "path-invalid" }), around);
  return names;
}

/** The node of an id, with its names from the space on. */
async function placeOf(
  asked: Asked,
  nodeId: NodeId,
  around: Around,
): Promise<Extract<Place, { kind: "node" }>> {
  const { inTrash, ...place } = await anyPlaceOf(asked, nodeId, around);
  if (inTrash) granted(refusal({ type: "node-in-trash" }), around);
  return place;
}

/** The node of an id, also if it is in the trash; its names are then those of the place that it had. */
export async function anyPlaceOf(
  asked: Asked,
  nodeId: NodeId,
  around: Around,
): Promise<Extract<Place, { kind: "node" }> & { readonly inTrash: boolean }> {
  const { drive, context } = asked;
  const { node, inTrash } = granted(await drive.getNode({ nodeId }, context()), around);
  const names: string[] = [];
  for (let at: Node = node; ;) {
    if (at.status === "root") {
      const { id: rootId } = at;
      const space = (await spacesOf(asked)).find((one) => one.rootId === rootId);
      const path = [space?.segment ?? at.spaceId, ...names.toReversed()];
      return { kind: "node", node, inTrash, names: path };
    }
    names.push(at.name);
    at = granted(await drive.getNode({ nodeId: at.parentId }, context()), around).node;
  }
}

function idIn(path: string): NodeId | undefined {
  const id = NodeId.parse(path.startsWith("id:") ? path.slice("id:".length) : undefined);
  return id.ok ? id.value : undefined;
}

/** Finds what a path leads to, or an id, as in `id:node_…`. Throws `not_found`. */
export async function find(asked: Asked, path: string, around: Around = ["path"]): Promise<Place> {
  const nodeId = idIn(path);
  if (nodeId !== undefined) return placeOf(asked, nodeId, around);
  const [space, ...names] = namesIn(path, around);
  if (space === undefined) return { kind: "home" };
  const { drive, context } = asked;
  const way = granted(await drive.resolvePath({ space, names }, context()), around);
  const node = way.nodes.at(-1);
  if (!node || way.nodes.length <= names.length)
    return granted<Place>(refusal(unknownPath), around);
  const below = way.nodes.slice(1).map(({ name }) => name);
  return { kind: "node", node, names: [segmentIn(way.space, space), ...below] };
}

/** The spaces of the caller, each with the name that its paths begin with: its id, where another one has its name. */
export async function spacesOf({ drive, context }: Asked) {
  const spaces = granted(await drive.listSpaces({}, context()));
  return spaces.map((space) => ({ ...space, segment: segmentOf(space, spaces) }));
}

/** A space that was asked for by its id is told by it: another one may have its name. */
const segmentIn = ({ id, name }: SeenSpace, asked: string): string => (asked === id ? id : name);

export async function findNode(asked: Asked, path: string, around: Around = ["path"]) {
  const found = await find(asked, path, around);
  return found.kind === "node"
    ? found
    : granted<Extract<Place, { kind: "node" }>>(refusal({ type: "space-not-made-here" }), around);
}

/** Where something is to be made: in a folder, whose missing parents are made. */
export async function placeFor(asked: Asked, path: string, around: Around) {
  const nodeId = idIn(path);
  if (nodeId !== undefined) {
    const { node, names: known } = await placeOf(asked, nodeId, around);
    if (node.status === "root")
      return granted<never>(refusal({ type: "space-not-made-here" }), around);
    if (node.status === "placed")
      return { nodeId: node.parentId, name: node.name, names: known.slice(0, -1) };
  }
  const names = namesIn(path, around);
  const last = NodeName.parse(names.at(-1));
  if (names.length < 2 || !last.ok) {
    const type = names.length < 2 ? "space-not-made-here" : "name-invalid";
    return granted<never>(refusal({ type }), around);
  }
  const folder = await folderAt(asked, names.slice(0, -1), around);
  return { nodeId: folder.node.id, name: last.value, names: folder.names };
}

/** The folder at a path. Missing folders on the way are created. */
async function folderAt(asked: Asked, names: Names, around: Around) {
  const { drive, context } = asked;
  const [space = "", ...below] = names;
  const way = granted(await drive.resolvePath({ space, names: below }, context()), around);
  let node: Node = way.nodes.at(-1) ?? way.nodes[0];
  const found = [segmentIn(way.space, space), ...way.nodes.slice(1).map(({ name }) => name)];
  for (const one of below.slice(way.nodes.length - 1)) {
    const name = NodeName.parse(one);
    if (!name.ok) return granted<never>(refusal({ type: "name-invalid" }), around);
    const made = await drive.createFolder({ nodeId: node.id, name: name.value }, context());
    // Clients that upload a tree create its folders with several requests at once.
    const there = made.ok ? undefined : await at(asked, [space, ...found.slice(1), one]);
    node = there?.kind === "folder" ? there : granted(made, around);
    found.push(node.name);
  }
  return { node, names: found };
}

/** The node at a path; undefined if there is none. */
export async function at({ drive, context }: Asked, names: Names): Promise<Node | undefined> {
  const [space = "", ...below] = names;
  const way = await drive.resolvePath({ space, names: below }, context());
  return way.ok ? way.value.nodes.at(below.length) : undefined;
}

/** The value of a result. Throws its refusal; for a taken name that says whether a file or a folder has it. */
export async function placed<V>(
  asked: Asked,
  result: Result<V, Refusal>,
  { names, around }: { readonly names: Names; readonly around: Around },
): Promise<V> {
  if (result.ok || result.error.type !== "name-taken") return granted(result, around);
  const there = await at(asked, names);
  throw failed(within(around, conflictWith(there?.kind ?? "file")));
}
