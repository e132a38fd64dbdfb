import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import type { MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { Flag } from "#kernel/scalars.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { NodeId, UserId, type SpaceId } from "../../domain/ids.ts";
import {
  inTrash,
  isInTrash,
  Node,
  type Folder,
  type NodeInTrash,
  type NotAFolder,
  type TooDeep,
} from "../../domain/node.ts";
import {
  maxRewound,
  rewind,
  type Difference,
  type NoSuchPast,
  type Past,
  type RewindCounts,
  type Rewinding,
  type TooManyNodes,
} from "../../domain/rewind.ts";
import { toldBefore } from "../nodes/alone.ts";
import { lockOfTree, permitted, type Unseen } from "../nodes/located.ts";
import { Permissions } from "../permission.ts";
import { places, type TooBusy } from "../places.ts";
import type { Owned } from "../ports/nodes.ts";
import type { DriveScope } from "../ports/scope.ts";
import { asPastFolder, ifKept } from "./read-past.ts";

/** `dryRun`: tells what would change, and changes nothing. */
export const RestorePast = shape({ nodeId: NodeId, at: Instant, dryRun: optional(Flag) });
export type RestorePast = Infer<typeof RestorePast>;

/** Restorations, dry runs included, that a process works at: each reads whole trees. */
const [maxUnderWay, maxUnderWayOfOne] = [2, 1];
const retryAfterS = 2;
/** One has so much time. */
const restoreMs = 60_000;

type Deps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly read: Read<DriveScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
};
type Refused = Unseen | NotAFolder | NodeInTrash | NoSuchPast | TooManyNodes | TooDeep;

/** Those of some nodes that are in the trash, by themselves or with a folder above them. */
async function lostAmong(
  { nodes }: DriveScope,
  missing: readonly Past[],
): Promise<ReadonlySet<NodeId>> {
  const parents = new Set(
    missing.flatMap(({ node }) => (node.status === "trashed" ? [] : [node.parentId])),
  );
  const above = await nodes.seen([...parents]);
  const gone = new Set(above.flatMap((seen) => (seen.inTrash ? [seen.node.id] : [])));
  return new Set(
    missing.flatMap(({ node: { id, status, parentId } }) =>
      status === "trashed" || gone.has(parentId) ? [id] : [],
    ),
  );
}

/** How a folder differs from what it was. */
async function differenceOf(
  scope: DriveScope,
  folder: Owned<Folder>,
  { at, dryRun = false }: { readonly at: Instant; readonly dryRun: boolean | undefined },
): Promise<Result<Difference, TooManyNodes>> {
  const { timeMachine } = scope;
  const folderId = folder.node.id;
  const some = { limit: maxRewound + 1, isHeld: !dryRun };
  const before = await timeMachine.below(folderId, { at, ...some });
  const inside = await timeMachine.belowNow([folderId], some);
  const here = new Set(inside.map(({ id }) => id));
  const missing = before.filter(({ node }) => !here.has(node.id));
  const lost = await lostAmong(scope, missing);
  // What lies below another one that comes back is found with it.
  const comingBack = missing.filter(
    ({ node }) =>
      node.kind === "folder" &&
      lost.has(node.id) &&
      (node.status === "trashed" || !lost.has(node.parentId)),
  );
  const ids = comingBack.map(({ node }) => node.id);
  const returning = ids.length > 0 ? await timeMachine.belowNow(ids, some) : [];
  const now = [...inside, ...returning];
  if (Math.max(before.length, now.length) > maxRewound)
    return err({ type: "too-many-nodes", maxNodes: maxRewound });
  return ok({ folder, before, now, isLost: ({ node }) => lost.has(node.id) });
}

/** Keeps all that makes a folder what it was. */
function keep({ nodes, revisions }: DriveScope, folder: Folder, rewinding: Rewinding, to: Instant) {
  const { changed, created, recovered } = rewinding;
  if (changed.length + created.length === 0) return;
  nodes.save(Node.rewind(folder, to));
  nodes.saveAll(folder, rewinding);
  revisions.copy(
    recovered.map(({ file, from, held: { revision } }) => ({
      to: { ...file.content, nodeId: file.id, createdAt: file.changedAt },
      from: { nodeId: from, revision },
    })),
  );
}

/** Makes a folder what it was at a time, in one unit of work. */
export function restorePast({ unitOfWork, read, mayAct, clock, newId }: Deps) {
  const seen = permitted(mayAct, Permissions.changeNode);
  type Found = { readonly folder: Owned<Folder>; readonly rewinding: Rewinding };

  async function planned(
    scope: DriveScope,
    { nodeId, at, dryRun }: RestorePast,
    context: Context,
  ): Promise<Result<Found, Refused>> {
    const found = await seen(scope, nodeId, context);
    if (!found.ok) return found;
    const now = clock.now();
    const folder = asPastFolder(found.value, { at, now });
    if (!folder.ok) return folder;
    if (isInTrash(found.value)) return err(inTrash(found.value));
    const difference = await differenceOf(scope, folder.value, { at, dryRun });
    const kept = await ifKept(scope, { at, now });
    if (!kept.ok) return kept;
    if (!difference.ok) return difference;
    const rewinding = rewind(difference.value, { newId, at: now });
    return rewinding.ok ? ok({ folder: folder.value, rewinding: rewinding.value }) : rewinding;
  }

  const underWay = places(maxUnderWay, maxUnderWayOfOne);

  async function restore(
    input: RestorePast,
    spaceId: SpaceId,
    context: Context,
  ): Promise<Result<RewindCounts, Refused | Conflict>> {
    if (input.dryRun === true) {
      const plan = await read(context, (scope) => planned(scope, input, context));
      return plan.ok ? ok(plan.value.rewinding.counts) : plan;
    }
    return unitOfWork(
      context,
      async (scope): Promise<Result<RewindCounts, Refused>> => {
        const plan = await planned(scope, input, context);
        if (!plan.ok) return plan;
        const { folder, rewinding } = plan.value;
        keep(scope, folder.node, rewinding, input.at);
        return ok(rewinding.counts);
      },
      { lock: [lockOfTree(spaceId)] },
    );
  }

  return async (
    input: RestorePast,
    context: Context,
  ): Promise<Result<RewindCounts, Refused | TooBusy | Conflict>> => {
    const find = (scope: DriveScope) => seen(scope, input.nodeId, context);
    const may = await read(context, find);
    if (!may.ok)
      return context.idempotency === undefined || input.dryRun === true
        ? may
        : toldBefore({ unitOfWork })<Owned, RewindCounts, Unseen>(context, find);
    const actor = UserId.parse(context.actor);
    const user = actor.ok ? actor.value : may.value.ownerId;
    if (underWay.isFull(user)) return err({ type: "too-busy", retryAfterS });
    const working = { ...context, deadlineMs: clock.unixMs() + restoreMs };
    return underWay.within(user, () => restore(input, may.value.node.spaceId, working));
  };
}
