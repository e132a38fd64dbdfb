import type { Context } from "#kernel/context.ts";
import { line } from "#kernel/line.ts";
import { pageSize } from "#kernel/page.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { SpaceId } from "../../domain/ids.ts";
import { wordsOf } from "../../domain/node-name.ts";
import type { SpaceNotFound } from "../../domain/space.ts";
import { Permissions } from "../permission.ts";
import type { FoundNode } from "../ports/nodes.ts";
import type { DriveScope } from "../ports/scope.ts";
import { permittedSpace } from "../spaces/access.ts";

export const FoundPageSize = pageSize({ usual: 50, most: 100 });

/** Parts of a name, with spaces between them. */
const Query = line("search", { min: 2, max: 255 });

export const SearchNodes = shape({
  spaceId: SpaceId,
  q: Query,
  limit: optional(FoundPageSize),
});
export type SearchNodes = Infer<typeof SearchNodes>;

/** `isComplete`: whether there are no others. */
export type FoundNodes = { readonly items: readonly FoundNode[]; readonly isComplete: boolean };

type Deps = { readonly read: Read<DriveScope>; readonly mayAct: MayAct };

/** Looks for files and folders of a space whose names have all parts of a query, without regard to case; those that were changed last come first. */
export function searchNodes({ read, mayAct }: Deps) {
  const permittedIn = permittedSpace(mayAct, Permissions.readNode);
  return async (
    { spaceId, q, limit = FoundPageSize.usual }: SearchNodes,
    context: Context,
  ): Promise<Result<FoundNodes, SpaceNotFound | Forbidden>> =>
    read(context, async (scope) => {
      const space = await permittedIn(scope, spaceId, context);
      if (!space.ok) return space;
      const wanted = { spaceId, words: wordsOf(q), limit: limit + 1 };
      const { items, isComplete } = await scope.nodes.search(wanted);
      return ok({ items: items.slice(0, limit), isComplete: isComplete && items.length <= limit });
    });
}
