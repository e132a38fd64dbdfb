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
import type { Owned } from "../ports/nodes.ts";
import type { DriveScope } from "../ports/scope.ts";
import { asFolder } from "./located.ts";

/** Reasons why nothing can come to lie in a folder under a name. */
export type NoPlace = NotAFolder | NodeInTrash | NodeCycle | TooDeep | OtherSpace | NameTaken;

/** What becomes of a copy or a move to a name that is taken: it is refused, unless what has the name is to go to the trash for it. */
export const IfTaken = oneOf("refuse", "replace");
export type IfTaken = Infer<typeof IfTaken>;

/** `replaced`: what has the name, and must make room. */
export type Place = { readonly folder: Folder; readonly replaced: Placed | undefined };

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
  if (!other || other.id === id || ifTaken !== "replace") {
    const named = Node.mayBeNamed(id, other);
    return named.ok ? ok({ folder: node, replaced: undefined }) : named;
  }
  return keeping.some((one) => one.id === other.id)
    ? err({ type: "node-cycle", nodeId: other.id })
    : ok({ folder: node, replaced: other });
}
