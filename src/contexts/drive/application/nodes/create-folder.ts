import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { MayAct } from "#kernel/permission.ts";
import { ok, type Result } from "#kernel/result.ts";
import { oneOf, optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { NodeId } from "../../domain/ids.ts";
import { NodeName } from "../../domain/node-name.ts";
import { Node, type PlacedFolder } from "../../domain/node.ts";
import { Permissions } from "../permission.ts";
import type { DriveScope } from "../ports/scope.ts";
import { permitted, type Unseen } from "./located.ts";
import { placeFor, type NoPlace } from "./place-for.ts";

/** What becomes of a new folder whose name is taken: it is refused, unless it is to get another name, as in `Photos (2)`. */
const IfNameTaken = oneOf("refuse", "number");

export const CreateFolder = shape({
  nodeId: NodeId,
  name: NodeName,
  ifTaken: optional(IfNameTaken),
});
export type CreateFolder = Infer<typeof CreateFolder>;

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
  return async (
    { nodeId: parentId, name: wanted, ifTaken }: CreateFolder,
    context: Context,
  ): Promise<Outcome> =>
    unitOfWork(context, async (scope): Promise<Outcome> => {
      const parent = await seen(scope, parentId, context);
      if (!parent.ok) return parent;
      const id = newId(NodeId);
      const place = await placeFor(scope, parent.value, { id, name: wanted, height: 1, ifTaken });
      if (!place.ok) return place;
      const { name } = place.value;
      const { spaceId } = parent.value.node;
      const createdAt = clock.now();
      return ok(scope.nodes.save(Node.createFolder({ id, spaceId, name, createdAt }, parentId)));
    });
}
