import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { newContentOf } from "../../domain/content.ts";
import { NodeId } from "../../domain/ids.ts";
import { NodeName } from "../../domain/node-name.ts";
import { Node, type NotAFile, type PlacedFile } from "../../domain/node.ts";
import { roomFor, type Quota, type QuotaExceeded } from "./quota.ts";
import { placeFor, type NoPlace } from "../nodes/create-folder.ts";
import { permitted, type Unseen } from "../nodes/located.ts";
import { Permissions } from "../permission.ts";
import type { DriveScope } from "../ports/scope.ts";

/** Without `parentId` the copy lies in the folder of the file, and without `name` it has the same name. */
export const CopyFile = shape({
  nodeId: NodeId,
  parentId: optional(NodeId),
  name: optional(NodeName),
});
export type CopyFile = Infer<typeof CopyFile>;

type Deps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
} & Quota;

/** Makes another file with the content that a file has now, in any space that the actor may change. Its chunks stay where they are. */
export function copyFile({ unitOfWork, mayAct, clock, newId, quotaBytes }: Deps) {
  const seen = permitted(mayAct, Permissions.changeNode);
  type Outcome = Result<PlacedFile, Unseen | NotAFile | NoPlace | QuotaExceeded | Conflict>;
  return async ({ nodeId, parentId, name }: CopyFile, context: Context): Promise<Outcome> =>
    unitOfWork(context, async (scope): Promise<Outcome> => {
      const found = await seen(scope, nodeId, context);
      if (!found.ok) return found;
      const source = found.value.node;
      if (source.kind !== "file") return err({ type: "not-a-file", nodeId });
      const parent = await seen(scope, parentId ?? source.parentId, context);
      if (!parent.ok) return parent;
      const { id: folderId, spaceId } = parent.value.node;
      const copy = {
        id: newId(NodeId),
        spaceId,
        name: name ?? source.name,
        createdAt: clock.now(),
      };
      const place = await placeFor(scope, parent.value, { ...copy, height: 0 });
      if (!place.ok) return place;
      const { content } = source;
      const contents = [content];
      const room = await roomFor(scope, { ...parent.value, contents, quotaBytes });
      if (!room.ok) return room;
      const file = scope.nodes.save(Node.createFile(copy, folderId, newContentOf(content)));
      const facts = { ...file.content, nodeId: file.id, createdAt: file.createdAt };
      scope.revisions.copy([{ to: facts, from: { nodeId, revision: content.revision } }]);
      room.value.claim();
      return ok(file);
    });
}
