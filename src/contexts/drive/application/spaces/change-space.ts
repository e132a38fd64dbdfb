import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { SpaceId } from "../../domain/ids.ts";
import { NodeName } from "../../domain/node-name.ts";
import { Node } from "../../domain/node.ts";
import {
  Space,
  type SeenSpace,
  type SpaceNotEmpty,
  type SpaceNotFound,
} from "../../domain/space.ts";
import { lockOfTree } from "../nodes/located.ts";
import { Permissions } from "../permission.ts";
import type { DriveScope } from "../ports/scope.ts";
import { permittedSpace } from "./access.ts";

export const RenameSpace = shape({ spaceId: SpaceId, name: NodeName });
export type RenameSpace = Infer<typeof RenameSpace>;

export const DeleteSpace = shape({ spaceId: SpaceId });
export type DeleteSpace = Infer<typeof DeleteSpace>;

type Deps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};

/** Gives a space, and its root, another name. */
export function renameSpace({ unitOfWork, mayAct, clock }: Deps) {
  const permitted = permittedSpace(mayAct, Permissions.shareSpace);
  type Outcome = Result<SeenSpace, SpaceNotFound | Forbidden | Conflict>;
  return async ({ spaceId, name }: RenameSpace, context: Context): Promise<Outcome> =>
    unitOfWork(context, async (scope): Promise<Outcome> => {
      const space = await permitted(scope, spaceId, context);
      if (!space.ok) return space;
      const [root] = await scope.nodes.seen([space.value.rootId]);
      if (root?.node.status === "root")
        scope.nodes.save(Node.renameRoot(root.node, name, clock.now()));
      const renamed = scope.spaces.save(Space.rename(space.value, name));
      return ok(Space.seenBy(renamed, context.actor));
    });
}

/** Deletes a space that nothing is in, its trash included. */
export function deleteSpace({ unitOfWork, mayAct }: Deps) {
  const permitted = permittedSpace(mayAct, Permissions.shareSpace);
  type Outcome = Result<void, SpaceNotFound | SpaceNotEmpty | Forbidden | Conflict>;
  return async ({ spaceId }: DeleteSpace, context: Context): Promise<Outcome> =>
    unitOfWork(
      context,
      async (scope): Promise<Outcome> => {
        const space = await permitted(scope, spaceId, context);
        if (!space.ok) return space;
        if (await scope.spaces.hasNodes(spaceId)) return err({ type: "space-not-empty", spaceId });
        scope.spaces.close(Space.close(space.value));
        return ok(undefined);
      },
      { lock: [lockOfTree(spaceId)] },
    );
}
