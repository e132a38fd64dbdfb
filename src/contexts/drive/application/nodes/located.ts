import type { Context } from "#kernel/context.ts";
import type { Forbidden, MayAct, Permission } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { NodeId, SpaceId } from "../../domain/ids.ts";
import type { Folder, NodeNotFound, NotAFolder } from "../../domain/node.ts";
import { mayActIn } from "../spaces/access.ts";
import type { Owned } from "../ports/nodes.ts";
import type { DriveScope } from "../ports/scope.ts";

export type Unseen = NodeNotFound | Forbidden;

/** Moves within a space, its trash included, wait for one another: two at once could make a cycle, or end in the trash. */
export const lockOfTree = (id: SpaceId): string => `drive.tree/${id}`;

/** The node, if there is one and the actor has the permission on it. */
export const permitted =
  (mayAct: MayAct, permission: Permission) =>
  async (
    { nodes }: Pick<DriveScope, "nodes">,
    nodeId: NodeId,
    context: Context,
  ): Promise<Result<Owned, Unseen>> => {
    const found = await nodes.locate(nodeId, context.actor);
    if (!found) return err({ type: "node-not-found", nodeId });
    const allowed = await mayActIn(mayAct, permission, found, context);
    return allowed.ok ? ok(found) : allowed;
  };

/** The node as a folder. */
export function asFolder(found: Owned): Result<Owned<Folder>, NotAFolder> {
  const { node } = found;
  return node.kind === "folder"
    ? ok({ ...found, node })
    : err({ type: "not-a-folder", nodeId: node.id });
}
