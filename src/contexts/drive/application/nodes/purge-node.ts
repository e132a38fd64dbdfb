import type { Context } from "#kernel/context.ts";
import type { Slice } from "#kernel/each-due.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import type { MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { NodeId } from "../../domain/ids.ts";
import { Node, type NodeNotInTrash, type Trashed } from "../../domain/node.ts";
import { Permissions } from "../permission.ts";
import type { DriveScope } from "../ports/scope.ts";
import { lockOfTree, permitted, type Unseen } from "./located.ts";

export const PurgeNode = shape({ nodeId: NodeId });
export type PurgeNode = Infer<typeof PurgeNode>;

/** Nodes that one unit of work deletes. */
const stepNodes = 5_000;
/** One step has so much time, as a request has. */
const stepMs = 10_000;
/** Nodes that are looked for together. */
const mostExpired = 100;
const dayMs = 86_400_000;

type Deps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly read: Read<DriveScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};
type Outcome = Result<void, Unseen | NodeNotInTrash | Conflict>;
type NotDue = Unseen | NodeNotInTrash;
type Due = Result<Trashed, NotDue>;

/** Deletes a node of the trash for good, with all that lies below it. A large folder goes in steps: whatever is interrupted is in the trash still. */
export function purgeNode(deps: Deps) {
  const purge = purging(deps);
  return ({ nodeId }: PurgeNode, context: Context): Promise<Outcome> => purge(nodeId, context);
}

/** `before`: purges only what was put in the trash before then. */
function purging({ unitOfWork, read, mayAct, clock }: Deps) {
  const seen = permitted(mayAct, Permissions.changeNode);
  return async (
    nodeId: NodeId,
    { idempotency, ...context }: Context,
    before?: Instant,
  ): Promise<Outcome> => {
    const inTime = () => ({ ...context, deadlineMs: clock.unixMs() + stepMs });
    const due = async (scope: DriveScope): Promise<Due> => {
      const now = await seen(scope, nodeId, context);
      if (!now.ok) return now;
      const { node } = now.value;
      const isDue = node.status === "trashed" && (before === undefined || node.trashedAt < before);
      return isDue ? ok(node) : err({ type: "node-not-in-trash", nodeId });
    };
    const emptied = async (scope: DriveScope): Promise<Result<boolean, NotDue>> => {
      const node = await due(scope);
      if (!node.ok) return node;
      return ok((await scope.nodes.purgeBelow(nodeId, stepNodes)) < stepNodes);
    };
    const last = async (scope: DriveScope): Promise<Result<void, NotDue | Conflict>> => {
      const node = await due(scope);
      if (!node.ok) return node;
      // It may have been restored, filled and put in the trash again meanwhile.
      const isEmpty = (await scope.nodes.purgeBelow(nodeId, stepNodes)) < stepNodes;
      if (!isEmpty) return err({ type: "conflict" });
      scope.nodes.purge(Node.purge(node.value));
      return ok(undefined);
    };
    const found = await read(inTime(), (scope) => seen(scope, nodeId, context));
    // A repeated request may find nothing any more: the unit of work answers what the first one was told.
    if (!found.ok && idempotency === undefined) return found;
    const lock = found.ok ? [lockOfTree(found.value.node.spaceId)] : [];
    const isFolder = found.ok && found.value.node.kind === "folder";
    for (let isEmpty = !isFolder; !isEmpty;) {
      const step = await unitOfWork(inTime(), emptied, { lock });
      if (!step.ok) return step;
      isEmpty = step.value;
    }
    return unitOfWork({ ...inTime(), ...(idempotency ? { idempotency } : {}) }, last, { lock });
  };
}

/** Purges what has been in the trash for longer than it is kept. One that fails holds up no other. */
export function purgeExpired(deps: Deps & { readonly trashDays: number }) {
  const { read, clock, trashDays } = deps;
  const purge = purging(deps);
  return async (
    { stopping }: Slice,
    asked: Context,
  ): Promise<Result<{ readonly failures: readonly unknown[] }, never>> => {
    const failures = new Map<NodeId, unknown>();
    const before = Instant.plus(clock.now(), -trashDays * dayMs);
    if (trashDays === 0) return ok({ failures: [] });
    for (;;) {
      if (stopping?.aborted === true) break;
      const context = { ...asked, deadlineMs: clock.unixMs() + stepMs };
      const besides = [...failures.keys()];
      const expired = await read(context, ({ nodes }) =>
        nodes.expired(before, besides, mostExpired),
      );
      if (expired.length === 0) break;
      for (const { id } of expired) {
        const fail = (error: unknown) => void failures.set(id, error);
        const done = await purge(id, context, before).catch(fail);
        if (done?.ok === false && done.error.type !== "node-not-found")
          fail(new Error(`${id} is not purged: ${done.error.type}`));
      }
    }
    return ok({ failures: [...failures.values()] });
  };
}
