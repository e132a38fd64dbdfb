import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { MayAct } from "#kernel/permission.ts";
import { ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { NodeId } from "../../domain/ids.ts";
import { nameKey, NodeName } from "../../domain/node-name.ts";
import {
  Node,
  type NameTaken,
  type NodeCycle,
  type NodeInTrash,
  type NotAFolder,
  type OtherSpace,
  type PlacedFolder,
  type TooDeep,
} from "../../domain/node.ts";
import { Permissions } from "../permission.ts";
import type { Owned } from "../ports/nodes.ts";
import type { DriveScope } from "../ports/scope.ts";
import { asFolder, permitted, type Unseen } from "./located.ts";

export const CreateFolder = shape({ nodeId: NodeId, name: NodeName });
export type CreateFolder = Infer<typeof CreateFolder>;

/** Reasons why nothing can come to lie in a folder under a name. */
export type NoPlace = NotAFolder | NodeInTrash | NodeCycle | TooDeep | OtherSpace | NameTaken;

/** Whether a new node may be made in a folder under a name. `height`: 1 for a folder, 0 for a file. */
export async function placeFor(
  { nodes }: Pick<DriveScope, "nodes">,
  found: Owned,
  { id, name, height }: { readonly id: NodeId; readonly name: NodeName; readonly height: number },
): Promise<Result<void, NoPlace>> {
  const folder = asFolder(found);
  if (!folder.ok) return folder;
  const { spaceId } = found.node;
  const held = Node.mayHold(folder.value, { id, spaceId, height });
  if (!held.ok) return held;
  return Node.mayBeNamed(id, await nodes.child(found.node.id, nameKey(name)));
}

type Deps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
};

/** Creates an empty folder in a folder. */
export function createFolder({ unitOfWork, mayAct, clock, newId }: Deps) {
  const seen = permitted(mayAct, Permissions.changeNode);
  type Outcome = Result<PlacedFolder, Unseen | NoPlace | Conflict>;
  return async ({ nodeId: parentId, name }: CreateFolder, context: Context): Promise<Outcome> =>
    unitOfWork(context, async (scope): Promise<Outcome> => {
      const parent = await seen(scope, parentId, context);
      if (!parent.ok) return parent;
      const id = newId(NodeId);
      const place = await placeFor(scope, parent.value, { id, name, height: 1 });
      if (!place.ok) return place;
      const { spaceId } = parent.value.node;
      const createdAt = clock.now();
      return ok(scope.nodes.save(Node.createFolder({ id, spaceId, name, createdAt }, parentId)));
    });
}
