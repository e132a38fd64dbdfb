import { err, ok, type Result } from "#kernel/result.ts";
import { oneOf, type Infer } from "#kernel/shape.ts";
import type { NodeId } from "../../domain/ids.ts";
import { nameKey, type NodeName } from "../../domain/node-name.ts";
import {
  Node,
  type Folder,
  type NameTaken,
  type NodeCycle,
  type NodeInTrash,
  type NotAFolder,
  type OtherSpace,
  type Placed,
  type TooDeep,
} from "../../domain/node.ts";
import { numberedName, remarked } from "../../domain/conflicted-name.ts";
import type { Owned } from "../ports/nodes.ts";
import type { DriveScope } from "../ports/scope.ts";
import { asFolder } from "./located.ts";

/** Reasons why nothing can come to lie in a folder under a name. */
export type NoPlace = NotAFolder | NodeInTrash | NodeCycle | TooDeep | OtherSpace | NameTaken;

/**
 * What becomes of a copy or a move to a name that is taken: it is refused, unless what has the name is to go to the trash for it, or the copy is to get another name,
 * as in `photo (2).jpg`.
 */
export const IfTaken = oneOf("refuse", "replace", "number");
export type IfTaken = Infer<typeof IfTaken>;

/** `name`: the one that is free. `replaced`: what has the name, and must make room. */
export type Place = {
  readonly folder: Folder;
  readonly name: NodeName;
  readonly replaced: Placed | undefined;
};

/** Nodes of one name that get numbers. Others get their ids. */
const maxNumbered = 10;

type Wanted = {
  readonly id: NodeId;
  readonly name: NodeName;
  /** The folders that come to lie below one another: 1 for an empty folder, 0 for a file. */
  readonly height: number;
  /** The space that the node is in; that of the folder, where it is made there. */
  readonly spaceId?: Node["spaceId"];
  readonly ifTaken?: IfTaken | undefined;
  /** Those that make room for nothing: what is copied or moved, and the folders that it lies in. */
  readonly keeping?: readonly { readonly id: NodeId }[];
};

/** Whether a node may come to lie in a folder under a name. */
export async function placeFor(
  { nodes }: Pick<DriveScope, "nodes">,
  found: Owned,
  { id, name, height, spaceId = found.node.spaceId, ifTaken, keeping = [] }: Wanted,
): Promise<Result<Place, NoPlace>> {
  const folder = asFolder(found);
  if (!folder.ok) return folder;
  const held = Node.mayHold(folder.value, { id, spaceId, height });
  if (!held.ok) return held;
  const { node } = folder.value;
  const other = await nodes.child(node.id, nameKey(name));
  const place = { folder: node, name, replaced: undefined };
  if (!other || other.id === id) return ok(place);
  if (ifTaken === "number")
    return ok({ ...place, name: await numberedIn(nodes, node, { id, name }) });
  if (ifTaken !== "replace") {
    const named = Node.mayBeNamed(id, other);
    return named.ok ? ok(place) : named;
  }
  return keeping.some((one) => one.id === other.id)
    ? err({ type: "node-cycle", nodeId: other.id })
    : ok({ ...place, replaced: other });
}

/** The first free name with a number, or with the id. */
async function numberedIn(
  nodes: DriveScope["nodes"],
  { id: folderId }: Folder,
  { id, name }: Pick<Wanted, "id" | "name">,
): Promise<NodeName> {
  const numbered = Array.from({ length: maxNumbered - 1 }, (_, i) => numberedName(name, i + 2));
  const spots = numbered.map((one) => ({ parentId: folderId, name: one }));
  const taken = new Set((await nodes.named(spots)).map((one) => nameKey(one.name)));
  return numbered.find((one) => !taken.has(nameKey(one))) ?? remarked(name, id);
}
