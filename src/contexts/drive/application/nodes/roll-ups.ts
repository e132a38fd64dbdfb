import type { Context } from "#kernel/context.ts";
import type { MayAct } from "#kernel/permission.ts";
import { ok, type Result } from "#kernel/result.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import type { NodeId } from "../../domain/ids.ts";
import { Permissions } from "../permission.ts";
import type { RollUp } from "../ports/roll-ups.ts";
import type { DriveScope } from "../ports/scope.ts";
import { permitted, type Unseen } from "./located.ts";

/** Files and folders that are looked at for the roll-ups of a folder. */
const maxLookedAt = 20_000;

/** `bytes`: undefined where more lies below than is looked at. */
export type SeenRollUp = Pick<RollUp, "tag"> & { readonly bytes: number | undefined };

/**
 * Tells by tags whether anything has changed below a folder, or below the folders in it. Where much lies below, the tag changes with the whole space: a client
 * that looks for what has changed looks into some folders too many, and never into one too few.
 */
export function rollUps({
  read,
  mayAct,
}: {
  readonly read: Read<DriveScope>;
  readonly mayAct: MayAct;
}) {
  const seen = permitted(mayAct, Permissions.readNode);
  return (
    { nodeId }: { readonly nodeId: NodeId },
    context: Context,
  ): Promise<Result<(folderId: NodeId) => SeenRollUp, Unseen>> =>
    read(context, async (scope): Promise<Result<(folderId: NodeId) => SeenRollUp, Unseen>> => {
      const found = await seen(scope, nodeId, context);
      if (!found.ok) return found;
      const [newest, below] = await Promise.all([
        scope.rollUps.newest(found.value.node.spaceId),
        scope.rollUps.below(nodeId, maxLookedAt),
      ]);
      const unknown = { tag: `s${newest}`, bytes: undefined };
      return ok((folderId) => below?.get(folderId) ?? unknown);
    });
}
