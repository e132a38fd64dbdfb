import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { pageSize } from "#kernel/page.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { branded, optional, shape, type Brand, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { SpaceId, type NodeId } from "../../domain/ids.ts";
import type { SpaceNotFound } from "../../domain/space.ts";
import { permittedSpace } from "../spaces/access.ts";
import { Permissions } from "../permission.ts";
import { beginning, type Mark } from "../ports/changes.ts";
import type { SeenNode } from "../ports/nodes.ts";
import type { DriveScope } from "../ports/scope.ts";

export const ChangePageSize = pageSize({ usual: 200, most: 1_000 });

/** `<position>.<event id>`: an event of the log, which a log that was restored may not have any more. `0.` is before the first. */
export type ChangeCursor = Brand<string, "ChangeCursor">;
export const ChangeCursor = branded<ChangeCursor>("change cursor", {
  schema: { type: "string", pattern: "^(0\\.|[1-9]\\d{0,14}\\.evt_[0-9a-z]{26})$", maxLength: 48 },
  says: "the `nextCursor` of an answer before",
});

/** Without a cursor the answer has no changes, and says where those begin that come from now on. */
export const ListChanges = shape({
  spaceId: SpaceId,
  cursor: optional(ChangeCursor),
  limit: optional(ChangePageSize),
});
export type ListChanges = Infer<typeof ListChanges>;

export const FollowChanges = shape({ spaceId: SpaceId, cursor: optional(ChangeCursor) });
export type FollowChanges = Infer<typeof FollowChanges>;

/** Nodes that have changed, each as it is now, in the order of their last changes. */
export type ChangePage = {
  readonly items: readonly SeenNode[];
  /** Nodes that were deleted for good; all that lay below them is gone, too. */
  readonly purged: readonly NodeId[];
  readonly nextCursor: ChangeCursor;
  readonly hasMore: boolean;
};

/** The log does not have the event that the cursor names: an earlier state was restored, or old events were pruned. The client reads the tree anew. */
export type CursorLost = { readonly type: "cursor-lost"; readonly spaceId: SpaceId };

type Refusal = SpaceNotFound | CursorLost | Forbidden;
type Deps = { readonly read: Read<DriveScope>; readonly mayAct: MayAct; readonly clock: Clock };

const cursorOf = ({ position, id }: Mark = beginning): ChangeCursor =>
  `${position}.${id}` as ChangeCursor;

export function markOf(cursor: ChangeCursor): Mark {
  const [position = "", id = ""] = cursor.split(".");
  return { position: Number(position), id };
}

/** What has changed after a cursor. Each node is told once, at the place of its last change. */
export async function changesAfter(
  { changes, nodes }: DriveScope,
  { spaceId, cursor, limit }: Required<Pick<ListChanges, "spaceId" | "limit">> & ListChanges,
): Promise<Result<ChangePage, CursorLost>> {
  const before = cursor && markOf(cursor);
  const { last, isKnown } = await changes.look(before);
  if (!isKnown) return err({ type: "cursor-lost", spaceId });
  if (cursor === undefined)
    return ok({ items: [], purged: [], nextCursor: cursorOf(last), hasMore: false });
  const [after, until] = [before?.position ?? 0, last?.position ?? 0];
  const found = await changes.between({ spaceId, after, until, limit: limit + 1 });
  const told = found.slice(0, limit);
  const hasMore = found.length > limit;
  const ids = [...new Set(told.toReversed().map(({ nodeId }) => nodeId))].toReversed();
  const seen = new Map((await nodes.seen(ids)).map((one) => [one.node.id, one]));
  return ok({
    items: ids.flatMap((id) => seen.get(id) ?? []),
    purged: ids.filter((id) => !seen.has(id)),
    nextCursor: cursorOf(hasMore ? told.at(-1) : (last ?? before)),
    hasMore,
  });
}

/** Tells what has changed in a space since a cursor. */
export function listChanges({ read, mayAct }: Deps) {
  const permitted = permittedSpace(mayAct, Permissions.readNode);
  return async (
    { limit = ChangePageSize.usual, ...input }: ListChanges,
    context: Context,
  ): Promise<Result<ChangePage, Refusal>> =>
    read(context, async (scope): Promise<Result<ChangePage, Refusal>> => {
      const space = await permitted(scope, input.spaceId, context);
      return space.ok ? changesAfter(scope, { ...input, limit }) : space;
    });
}

/** `after`: the last event of the answer before. */
export type ChangedSpaces = { readonly after: Mark | undefined };

/** Tells the spaces that have changed since an event, and the last event now. The spaces are unknown at first, and after a restore. */
export function changedSpaces({ read }: Pick<Deps, "read">) {
  return async (
    { after }: ChangedSpaces,
    context: Context,
  ): Promise<
    Result<
      { readonly spaces: readonly SpaceId[] | undefined; readonly last: Mark | undefined },
      never
    >
  > =>
    read(context, async ({ changes }) => {
      const { last, isKnown } = await changes.look(after);
      if (!after || !last || !isKnown) return ok({ spaces: undefined, last });
      const page = { after: after.position, until: last.position };
      return ok({ spaces: page.after < page.until ? await changes.spaces(page) : [], last });
    });
}

/** Each look has time of its own. */
const stepMs = 10_000;

/** `next` tells the changes since the last time that it was asked. */
export type Following = {
  readonly spaceId: SpaceId;
  readonly next: () => Promise<Result<ChangePage, Refusal>>;
};

/** Follows what changes in a space, from a cursor on. */
export function followChanges(deps: Deps) {
  const list = listChanges(deps);
  return async (
    { spaceId, cursor }: FollowChanges,
    context: Context,
  ): Promise<Result<Following, Refusal>> => {
    const ask = (from: ChangeCursor | undefined) =>
      list(
        { spaceId, ...(from === undefined ? {} : { cursor: from }) },
        { ...context, deadlineMs: deps.clock.unixMs() + stepMs },
      );
    const first = await ask(cursor);
    if (!first.ok) return first;
    let coming: Result<ChangePage, Refusal> | undefined = first;
    let next = first.value.nextCursor;
    return ok({
      spaceId,
      async next() {
        const page = coming ?? (await ask(next));
        coming = undefined;
        if (page.ok) next = page.value.nextCursor;
        return page;
      },
    });
  };
}
