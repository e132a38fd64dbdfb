import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import type { MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { atVersion, Version, type PreconditionFailed } from "#kernel/version.ts";
import { NodeId } from "../../domain/ids.ts";
import { NodeName } from "../../domain/node-name.ts";
import {
  inTrash,
  isInTrash,
  maxDepth,
  Node,
  type NodeInTrash,
  type NodeIsRoot,
  type NodeNotInTrash,
  type Placed,
  type Trashed,
} from "../../domain/node.ts";
import { Permissions } from "../permission.ts";
import type { Owned } from "../ports/nodes.ts";
import type { DriveScope } from "../ports/scope.ts";
import { alone } from "./alone.ts";
import { lockOfTree, permitted, type Unseen } from "./located.ts";
import { IfTaken, placeFor, type NoPlace, type Place } from "./place-for.ts";

/** Without `parentId` the node stays in its folder, and without `name` it keeps its name. */
export const MoveNode = shape({
  nodeId: NodeId,
  expectedVersion: optional(Version),
  parentId: optional(NodeId),
  name: optional(NodeName),
  ifTaken: optional(IfTaken),
});
export type MoveNode = Infer<typeof MoveNode>;

export const TrashNode = shape({ nodeId: NodeId, expectedVersion: optional(Version) });
export type TrashNode = Infer<typeof TrashNode>;

/** Without `parentId` the node goes back to its folder, and without `name` to its name. */
export const RestoreNode = shape({
  nodeId: NodeId,
  parentId: optional(NodeId),
  name: optional(NodeName),
});
export type RestoreNode = Infer<typeof RestoreNode>;

type Deps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly read: Read<DriveScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};

/** Decides on a node alone in the tree of its space. A node never leaves its space, so what is locked stays the same. */
const aloneInTree =
  (deps: Deps) =>
  <V, R>(
    nodeId: NodeId,
    context: Context,
    work: (scope: DriveScope, found: Owned) => Promise<Result<V, R>>,
  ): Promise<Result<V, R | Unseen | Conflict>> => {
    const seen = permitted(deps.mayAct, Permissions.changeNode);
    const find = (scope: DriveScope) => seen(scope, nodeId, context);
    return alone(deps)<Owned, V, R | Unseen>(context, find, {
      lockOf: ({ node }) => lockOfTree(node.spaceId),
      work: async (scope) => {
        const now = await find(scope);
        return now.ok ? work(scope, now.value) : now;
      },
    });
  };

/** Where a node that is there already is to lie. */
type To = {
  readonly parent: Owned;
  readonly name: NodeName;
  readonly ifTaken?: IfTaken | undefined;
};

/** Whether a node that is there already may come to lie in a folder under a name. */
async function mayLie(
  scope: DriveScope,
  { node, above }: Owned<Placed | Trashed>,
  { parent, name, ifTaken }: To,
): Promise<Result<Place, NoPlace>> {
  const { id, spaceId, kind } = node;
  const isRenamed = node.status === "placed" && node.parentId === parent.node.id;
  const height = kind === "file" || isRenamed ? 0 : await scope.nodes.height(id, maxDepth);
  return placeFor(scope, parent, { id, name, height, spaceId, ifTaken, keeping: above });
}

const isRoot = (nodeId: NodeId) => err<NodeIsRoot>({ type: "node-is-root", nodeId });

/** Moves a node to another folder of its space, renames it, or both. All that lies below goes with it. */
export function moveNode(deps: Deps) {
  const inTree = aloneInTree(deps);
  const seen = permitted(deps.mayAct, Permissions.changeNode);
  type Refused = NoPlace | NodeIsRoot | NodeInTrash | PreconditionFailed | Unseen;
  return ({ nodeId, expectedVersion, parentId, name, ifTaken }: MoveNode, context: Context) =>
    inTree(nodeId, context, async (scope, found): Promise<Result<Placed, Refused>> => {
      const { node } = found;
      if (node.status === "root") return isRoot(nodeId);
      if (node.status === "trashed" || isInTrash(found)) return err(inTrash(found));
      const current = atVersion(node, expectedVersion);
      if (!current.ok) return current;
      const to = { parentId: parentId ?? node.parentId, name: name ?? node.name };
      const parent = await seen(scope, to.parentId, context);
      if (!parent.ok) return parent;
      const there = { parent: parent.value, name: to.name, ifTaken };
      const place = await mayLie(scope, { ...found, node }, there);
      if (!place.ok) return place;
      const at = deps.clock.now();
      if (place.value.replaced) scope.nodes.save(Node.trash(place.value.replaced, at));
      return ok(scope.nodes.save(Node.move(node, { ...to, name: place.value.name }, at)));
    });
}

/** Puts a node in the trash, with all that lies below it. */
export function trashNode(deps: Deps) {
  const inTree = aloneInTree(deps);
  type Refused = NodeIsRoot | NodeInTrash | PreconditionFailed;
  return ({ nodeId, expectedVersion }: TrashNode, context: Context) =>
    inTree(nodeId, context, async ({ nodes }, found): Promise<Result<Trashed, Refused>> => {
      const { node } = found;
      if (node.status === "root") return isRoot(nodeId);
      if (node.status === "trashed" || isInTrash(found)) return err(inTrash(found));
      const current = atVersion(node, expectedVersion);
      if (!current.ok) return current;
      return ok(nodes.save(Node.trash(node, deps.clock.now())));
    });
}

/** Takes a node out of the trash, with all that lies below it; what lies in a trashed folder needs another one to go to. */
export function restoreNode(deps: Deps) {
  const inTree = aloneInTree(deps);
  const seen = permitted(deps.mayAct, Permissions.changeNode);
  type Refused = NoPlace | NodeNotInTrash | Unseen;
  return ({ nodeId, parentId, name }: RestoreNode, context: Context) =>
    inTree(nodeId, context, async (scope, found): Promise<Result<Placed, Refused>> => {
      const { node } = found;
      if (node.status === "root" || !isInTrash(found))
        return err({ type: "node-not-in-trash", nodeId });
      const to = { parentId: parentId ?? node.parentId, name: name ?? node.name };
      const parent = await seen(scope, to.parentId, context);
      if (!parent.ok) return parent;
      const there = { parent: parent.value, name: to.name };
      const place = await mayLie(scope, { ...found, node }, there);
      if (!place.ok) return place;
      const at = deps.clock.now();
      if (node.status === "placed") return ok(scope.nodes.save(Node.move(node, to, at)));
      return ok(scope.nodes.save(Node.restore(node, to, at)));
    });
}
