import type { Context } from "#kernel/context.ts";
import type { MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import type { NodeId } from "../../domain/ids.ts";
import { inTrash, isInTrash, type NodeInTrash } from "../../domain/node.ts";
import {
  changedProperties,
  type Property,
  type PropertyChange,
  type TooManyProperties,
} from "../../domain/property.ts";
import { permitted, type Unseen } from "../nodes/located.ts";
import { Permissions } from "../permission.ts";
import type { DriveScope } from "../ports/scope.ts";

/** `nodeId`: what is seen of a space; `nodeIds`: nodes of that space. */
export type ListProperties = { readonly nodeId: NodeId; readonly nodeIds: readonly NodeId[] };
export type ChangeProperties = {
  readonly nodeId: NodeId;
  readonly changes: readonly PropertyChange[];
};

type Deps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly read: Read<DriveScope>;
  readonly mayAct: MayAct;
};

/** Lists what clients keep with some nodes of the space that a node is in. Others are left out. */
export function listProperties({ read, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.readNode);
  type Outcome = Result<ReadonlyMap<NodeId, readonly Property[]>, Unseen>;
  return async ({ nodeId, nodeIds }: ListProperties, context: Context): Promise<Outcome> =>
    read(context, async (scope): Promise<Outcome> => {
      const found = await seen(scope, nodeId, context);
      if (!found.ok) return found;
      return ok(await scope.properties.of(found.value.node.spaceId, nodeIds));
    });
}

/** Finds those of some nodes of a space with which clients keep anything: few have much, and most have nothing. */
export function findPropertied({ read, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.readNode);
  type Outcome = Result<readonly NodeId[], Unseen>;
  return async ({ nodeId, nodeIds }: ListProperties, context: Context): Promise<Outcome> =>
    read(context, async (scope): Promise<Outcome> => {
      const found = await seen(scope, nodeId, context);
      if (!found.ok) return found;
      return ok(await scope.properties.having(found.value.node.spaceId, nodeIds));
    });
}

/** Changes what a client keeps with a file or a folder: all changes, or none. */
export function changeProperties({ unitOfWork, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.changeNode);
  type Outcome = Result<void, Unseen | NodeInTrash | TooManyProperties | Conflict>;
  return ({ nodeId, changes }: ChangeProperties, context: Context): Promise<Outcome> =>
    unitOfWork(
      context,
      async (scope): Promise<Outcome> => {
        const found = await seen(scope, nodeId, context);
        if (!found.ok) return found;
        if (isInTrash(found.value)) return err(inTrash(found.value));
        const { spaceId } = found.value.node;
        const before = (await scope.properties.of(spaceId, [nodeId])).get(nodeId) ?? [];
        const after = changedProperties(nodeId, before, changes);
        if (!after.ok) return after;
        scope.properties.save(found.value.node, after.value);
        return ok(undefined);
      },
      { lock: [`drive.properties/${nodeId}`] },
    );
}
