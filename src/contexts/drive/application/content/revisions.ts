import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { pageOf, pageSize, type Page } from "#kernel/page.ts";
import type { MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Version } from "#kernel/version.ts";
import { newContentOf, RevisionNumber } from "../../domain/content.ts";
import { NodeId } from "../../domain/ids.ts";
import {
  asWritable,
  Node,
  type NotAFile,
  type PlacedFile,
  type StaleRevision,
  type Unwritable,
} from "../../domain/node.ts";
import { permitted, type Unseen } from "../nodes/located.ts";
import { Permissions } from "../permission.ts";
import type { RevisionFacts } from "../ports/revisions.ts";
import type { DriveScope } from "../ports/scope.ts";

export const RevisionPageSize = pageSize({ usual: 20, most: 100 });

export const ListRevisions = shape({
  nodeId: NodeId,
  limit: optional(RevisionPageSize),
  cursor: optional(RevisionNumber),
});
export type ListRevisions = Infer<typeof ListRevisions>;

/** `expectedVersion`: the revision that the caller takes for the newest one. */
export const RestoreRevision = shape({
  nodeId: NodeId,
  revision: RevisionNumber,
  expectedVersion: Version,
});
export type RestoreRevision = Infer<typeof RestoreRevision>;

export type RevisionNotFound = {
  readonly type: "revision-not-found";
  readonly revision: RevisionNumber;
};

type Deps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly read: Read<DriveScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};

/** Lists what a file has held, the newest first. */
export function listRevisions({ read, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.readNode);
  type Outcome = Result<Page<RevisionFacts, RevisionNumber>, Unseen | NotAFile>;
  return async (
    { nodeId, limit = RevisionPageSize.usual, cursor }: ListRevisions,
    context: Context,
  ): Promise<Outcome> =>
    read(context, async (scope): Promise<Outcome> => {
      const found = await seen(scope, nodeId, context);
      if (!found.ok) return found;
      if (found.value.node.kind !== "file") return err({ type: "not-a-file", nodeId });
      const page = { nodeId, before: cursor, limit: limit + 1 };
      const revisions = await scope.revisions.list(page);
      return ok(pageOf(revisions, limit, ({ revision }) => revision));
    });
}

/** Makes an older content the newest one again, by another revision. */
export function restoreRevision({ unitOfWork, mayAct, clock }: Deps) {
  const seen = permitted(mayAct, Permissions.changeNode);
  type Outcome = Result<
    PlacedFile,
    Unseen | Unwritable | RevisionNotFound | StaleRevision | Conflict
  >;
  return async (
    { nodeId, revision, expectedVersion }: RestoreRevision,
    context: Context,
  ): Promise<Outcome> =>
    unitOfWork(context, async (scope): Promise<Outcome> => {
      const found = await seen(scope, nodeId, context);
      if (!found.ok) return found;
      const file = asWritable(found.value);
      if (!file.ok) return file;
      const older = await scope.revisions.byNumber(nodeId, revision);
      if (!older) return err({ type: "revision-not-found", revision });
      const base = expectedVersion as number as RevisionNumber;
      const basis = { base, at: clock.now() };
      const revised = Node.revise(file.value, newContentOf(older), basis);
      if (!revised.ok) return revised;
      const after = scope.nodes.save(revised.value);
      const { content, changedAt: createdAt } = after;
      if (content.revision !== file.value.content.revision)
        scope.revisions.copy([
          { to: { ...content, nodeId, createdAt }, from: { nodeId, revision } },
        ]);
      return ok(after);
    });
}
