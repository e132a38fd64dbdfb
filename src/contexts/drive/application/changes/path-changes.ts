import type { Context } from "#kernel/context.ts";
import type { MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import type { NodeId } from "../../domain/ids.ts";
import type { NodeName } from "../../domain/node-name.ts";
import {
  inTrash,
  isInTrash,
  maxDepth,
  type NodeInTrash,
  type NotAFolder,
  type Placed,
} from "../../domain/node.ts";
import { asFolder, permitted, type Unseen } from "../nodes/located.ts";
import { Permissions } from "../permission.ts";
import type { PlaceAt } from "../ports/changes.ts";
import type { DriveScope } from "../ports/scope.ts";
import {
  changesAfter,
  ChangePageSize,
  markOf,
  type ChangeCursor,
  type CursorLost,
} from "./list-changes.ts";

/** The names from a folder down to a node. */
export type NamesBelow = readonly NodeName[];
type NodeBelow = { readonly node: Placed; readonly names: NamesBelow };

/** `isDeep`: whether all that lies below the folder is followed, or what lies in it alone. */
export type ListPathChanges = {
  readonly folderId: NodeId;
  readonly isDeep: boolean;
  readonly cursor: ChangeCursor;
  readonly limit?: Infer<typeof ChangePageSize>;
};

/** What has changed below a folder, for a client that knows paths alone. */
export type PathChanges = {
  /** Where something lay that does not lie there any more, with all that lay below it. They come before `there`. */
  readonly gone: readonly NamesBelow[];
  readonly there: readonly NodeBelow[];
  readonly nextCursor: ChangeCursor;
  readonly hasMore: boolean;
};

/** More than so many nodes that came along with folders are not told: the client reads the tree anew. */
const maxMoved = 2_000;

type Deps = { readonly read: Read<DriveScope>; readonly mayAct: MayAct };
type World = (nodeId: NodeId) => NamesBelow | undefined;

/** The names from a folder down to each node, by the places of one moment; undefined for a node that was elsewhere. */
function worldOf(places: readonly PlaceAt[], folderId: NodeId): World {
  const byId = new Map(places.map((place) => [place.nodeId, place]));
  return (nodeId) => {
    const names: NodeName[] = [];
    for (let at: NodeId | undefined = nodeId; at !== folderId;) {
      const place: PlaceAt | undefined = at === undefined ? undefined : byId.get(at);
      if (!place || place.isTrashed || names.length > maxDepth) return undefined;
      names.push(place.name);
      at = place.parentId;
    }
    return names.toReversed();
  };
}

const startsWith = (names: NamesBelow, first: NamesBelow): boolean =>
  first.every((name, i) => names[i] === name);
const pathOf = (names: NamesBelow | undefined) => names?.join("/");

/** Whether the places are kept that were left since a cursor. */
async function isPastWhole(
  { changes, retention }: DriveScope,
  spaceId: Placed["spaceId"],
  { cursor, nextCursor }: Pick<PathChanges, "nextCursor"> & Pick<ListPathChanges, "cursor">,
): Promise<boolean> {
  const [after, until] = [markOf(cursor).position, markOf(nextCursor).position];
  const since = { spaceId, after, until, limit: 1 };
  const [[first], keptFrom] = await Promise.all([changes.between(since), retention.keptFrom()]);
  return first === undefined || first.at >= keptFrom;
}

/** The nodes below folders that have moved, each at its place as of a position; undefined if there are too many. */
async function cameAlong(
  { timeMachine, changes }: DriveScope,
  folders: readonly NodeBelow[],
  { folderId, until }: { readonly folderId: NodeId; readonly until: number },
): Promise<readonly NodeBelow[] | undefined> {
  if (folders.length === 0) return [];
  const ids = folders.map(({ node }) => node.id);
  const below = await timeMachine.belowNow(ids, { limit: maxMoved + 1, isHeld: false });
  if (below.length > maxMoved) return undefined;
  const { places } = await changes.placesAt(
    below.map(({ id }) => id),
    until,
  );
  const at = worldOf(places, folderId);
  // Nodes that have moved since then are told by a later page.
  return below.flatMap((node) => {
    const names = at(node.id);
    return names ? [{ node, names }] : [];
  });
}

/** Lists the changes below a folder since a cursor, as paths that are gone and nodes at their paths. */
export function listPathChanges({ read, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.readNode);
  type Outcome = Result<PathChanges, Unseen | NotAFolder | NodeInTrash | CursorLost>;

  async function changed(
    scope: DriveScope,
    { folderId, isDeep, cursor, limit = ChangePageSize.usual }: ListPathChanges,
    spaceId: Placed["spaceId"],
  ): Promise<Outcome> {
    const lost = err<CursorLost>({ type: "cursor-lost", spaceId });
    const page = await changesAfter(scope, { spaceId, cursor, limit });
    if (!page.ok) return page;
    const { items, purged, nextCursor, hasMore } = page.value;
    const ids = [...items.map(({ node }) => node.id), ...purged];
    // Paths are told as of the next cursor, because the next page compares with the places there.
    const until = markOf(nextCursor).position;
    const [then, now, isWhole] = await Promise.all([
      scope.changes.placesAt([...ids, folderId], markOf(cursor).position),
      scope.changes.placesAt([...ids, folderId], until),
      isPastWhole(scope, spaceId, { cursor, nextCursor }),
    ]);
    if (then.lost.length > 0 || !isWhole) return lost;
    const [before, after] = [worldOf(then.places, folderId), worldOf(now.places, folderId)];
    const isTold = (names: NamesBelow | undefined): names is NamesBelow =>
      names !== undefined && names.length > 0 && (isDeep || names.length === 1);
    const gone = ids
      .map((id) => [before(id), after(id)] as const)
      .flatMap(([was, is]) => (isTold(was) && pathOf(was) !== pathOf(is) ? [was] : []));
    const there = items.flatMap(({ node }) => {
      const names = after(node.id);
      return isTold(names) && node.status === "placed" ? [{ node, names }] : [];
    });
    const moved = there.filter(
      ({ node, names }) =>
        node.kind === "folder" &&
        (pathOf(before(node.id)) !== pathOf(names) || gone.some((one) => startsWith(names, one))),
    );
    const along = isDeep ? await cameAlong(scope, moved, { folderId, until }) : [];
    if (!along) return lost;
    const told = new Set(there.map(({ node }) => node.id));
    const more = along.filter(({ node }) => !told.has(node.id));
    return ok({ gone, there: [...there, ...more], nextCursor, hasMore });
  }

  return (input: ListPathChanges, context: Context): Promise<Outcome> =>
    read(context, async (scope): Promise<Outcome> => {
      const found = await seen(scope, input.folderId, context);
      if (!found.ok) return found;
      const folder = asFolder(found.value);
      if (!folder.ok) return folder;
      if (isInTrash(folder.value)) return err(inTrash(folder.value));
      return changed(scope, input, folder.value.node.spaceId);
    });
}

export type FindUnmoved = {
  readonly folderId: NodeId;
  readonly nodeIds: readonly NodeId[];
  readonly cursor: ChangeCursor;
};

/** Finds the nodes whose path below a folder is the same as at a cursor. All others are told by the changes since that cursor. */
export function findUnmoved({ read, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.readNode);
  return (
    { folderId, nodeIds, cursor }: FindUnmoved,
    context: Context,
  ): Promise<Result<ReadonlyMap<NodeId, NamesBelow>, Unseen>> =>
    read(context, async (scope) => {
      const found = await seen(scope, folderId, context);
      if (!found.ok) return found;
      const [then, now] = await Promise.all([
        scope.changes.placesAt(nodeIds, markOf(cursor).position),
        scope.changes.placesAt(nodeIds, undefined),
      ]);
      const [before, after] = [worldOf(then.places, folderId), worldOf(now.places, folderId)];
      const unmoved = nodeIds.flatMap((id) => {
        const names = before(id);
        return names && pathOf(names) === pathOf(after(id)) ? [[id, names] as const] : [];
      });
      return ok(new Map(unmoved));
    });
}
