import type { Context } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { pageOf, type Page } from "#kernel/page.ts";
import type { MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { NodeId } from "../../domain/ids.ts";
import { nameKey, type NameKey } from "../../domain/node-name.ts";
import type { Folder, NotAFolder } from "../../domain/node.ts";
import type { NoSuchPast, Past } from "../../domain/rewind.ts";
import { asFolder, permitted, type Unseen } from "../nodes/located.ts";
import { ChildCursor, NodePageSize } from "../nodes/read-nodes.ts";
import { Permissions } from "../permission.ts";
import type { Owned } from "../ports/nodes.ts";
import type { DriveScope } from "../ports/scope.ts";

/** `at`: now, unless a time is said. */
export const ListPast = shape({
  nodeId: NodeId,
  at: optional(Instant),
  limit: optional(NodePageSize),
  cursor: optional(ChildCursor),
});
export type ListPast = Infer<typeof ListPast>;

type Deps = {
  readonly read: Read<DriveScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};

/** The node as a folder that was there at a time. */
export function asPastFolder(
  found: Owned,
  { at, now }: { readonly at: Instant; readonly now: Instant },
): Result<Owned<Folder>, NotAFolder | NoSuchPast> {
  const folder = asFolder(found);
  if (!folder.ok) return folder;
  const from = found.node.createdAt;
  return at < from || at > now ? err({ type: "no-such-past", from, until: now }) : folder;
}

/** Whether what was read of the past is whole: it is asked last, since older contents are deleted meanwhile. */
export async function ifKept(
  { retention }: DriveScope,
  { at, now }: { readonly at: Instant; readonly now: Instant },
): Promise<Result<void, NoSuchPast>> {
  const from = await retention.keptFrom();
  return at < from ? err({ type: "no-such-past", from, until: now }) : ok(undefined);
}

/** Lists what lay in a folder at a time, besides what was deleted for good since. */
export function listPast({ read, mayAct, clock }: Deps) {
  const seen = permitted(mayAct, Permissions.readNode);
  type Outcome = Result<Page<Past, NameKey>, Unseen | NotAFolder | NoSuchPast>;
  return async (
    { nodeId: folderId, at: asked, limit = NodePageSize.usual, cursor }: ListPast,
    context: Context,
  ): Promise<Outcome> =>
    read(context, async (scope): Promise<Outcome> => {
      const found = await seen(scope, folderId, context);
      if (!found.ok) return found;
      const now = clock.now();
      const at = asked ?? now;
      const folder = asPastFolder(found.value, { at, now });
      if (!folder.ok) return folder;
      const past = await scope.timeMachine.children({
        folderId,
        at,
        after: cursor,
        limit: limit + 1,
      });
      const kept = await ifKept(scope, { at, now });
      if (!kept.ok) return kept;
      return ok(pageOf(past, limit, ({ name }) => nameKey(name)));
    });
}
