import type { Context } from "#kernel/context.ts";
import { Instant } from "#kernel/instant.ts";
import { pageOf, pageSize, type Page } from "#kernel/page.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { branded, optional, shape, type Brand, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { NodeId, SpaceId } from "../../domain/ids.ts";
import { maxNameBytes, nameKey, type NameKey } from "../../domain/node-name.ts";
import { NodePath } from "../../domain/node-path.ts";
import { isInTrash, type NotAFolder, type Placed, type Trashed } from "../../domain/node.ts";
import type { SpaceNotFound } from "../../domain/space.ts";
import { permittedSpace } from "../spaces/access.ts";
import { Permissions } from "../permission.ts";
import type { SeenNode } from "../ports/nodes.ts";
import type { DriveScope } from "../ports/scope.ts";
import { asFolder, permitted, type Unseen } from "./located.ts";

export const NodePageSize = pageSize({ usual: 100, most: 1_000 });

export const GetNode = shape({ nodeId: NodeId });
export type GetNode = Infer<typeof GetNode>;

/** The root, unless a path is said. */
export const FindByPath = shape({ spaceId: SpaceId, path: optional(NodePath) });
export type FindByPath = Infer<typeof FindByPath>;

/** A letter may become up to three in a key. */
const maxKeyLength = 3 * maxNameBytes;
export const ChildCursor = branded<NameKey>("child cursor", {
  schema: { type: "string", pattern: "^[^/]+$", maxLength: maxKeyLength },
  says: "the `nextCursor` of a page",
});

export const ListChildren = shape({
  nodeId: NodeId,
  limit: optional(NodePageSize),
  cursor: optional(ChildCursor),
});
export type ListChildren = Infer<typeof ListChildren>;

/** `<trashedAt>.<id>` of the last node of a page. */
export type TrashCursor = Brand<string, "TrashCursor">;
export const TrashCursor = branded<TrashCursor>("trash cursor", {
  schema: {
    type: "string",
    pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z\\.node_[0-9a-z]{26}$",
    maxLength: 80,
  },
  says: "the `nextCursor` of a page",
  parse(input) {
    const { trashedAt } = placeIn(input);
    const at = Instant.parse(trashedAt);
    return at.ok && at.value === trashedAt ? input : undefined;
  },
});

const placeIn = (cursor: string) => {
  const at = cursor.lastIndexOf(".");
  return { trashedAt: cursor.slice(0, at) as Instant, id: cursor.slice(at + 1) as NodeId };
};

export const ListTrash = shape({
  spaceId: SpaceId,
  limit: optional(NodePageSize),
  cursor: optional(TrashCursor),
});
export type ListTrash = Infer<typeof ListTrash>;

type Deps = { readonly read: Read<DriveScope>; readonly mayAct: MayAct };

export function getNode({ read, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.readNode);
  return async ({ nodeId }: GetNode, context: Context): Promise<Result<SeenNode, Unseen>> => {
    const found = await read(context, (scope) => seen(scope, nodeId, context));
    return found.ok ? ok({ node: found.value.node, inTrash: isInTrash(found.value) }) : found;
  };
}

/** Nothing lies there. `nearest`: the path of the folder that the way down ends in. */
export type PathNotFound = { readonly type: "path-not-found"; readonly nearest: NodePath };

/** Returns the node at a path of a space. */
export function findByPath({ read, mayAct }: Deps) {
  const permittedIn = permittedSpace(mayAct, Permissions.readNode);
  type Outcome = Result<SeenNode, SpaceNotFound | PathNotFound | Forbidden>;
  return async (
    { spaceId, path = NodePath.root }: FindByPath,
    context: Context,
  ): Promise<Outcome> =>
    read(context, async (scope): Promise<Outcome> => {
      const { nodes } = scope;
      const found = await permittedIn(scope, spaceId, context);
      if (!found.ok) return found;
      const { rootId } = found.value;
      const keys = NodePath.names(path).map(nameKey);
      const way = await nodes.down(rootId, keys);
      if (way.length < keys.length)
        return err({ type: "path-not-found", nearest: NodePath.first(path, way.length) });
      const [seen] = await nodes.seen([way.at(-1)?.id ?? rootId]);
      return seen ? ok(seen) : err({ type: "space-not-found", spaceId });
    });
}

/** Lists what lies in a folder, in the order of names without regard to case. */
export function listChildren({ read, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.readNode);
  return async (
    { nodeId: folderId, limit = NodePageSize.usual, cursor }: ListChildren,
    context: Context,
  ): Promise<Result<Page<Placed, NameKey>, Unseen | NotAFolder>> =>
    read(context, async (scope) => {
      const found = await seen(scope, folderId, context);
      if (!found.ok) return found;
      const folder = asFolder(found.value);
      if (!folder.ok) return folder;
      const page = { folderId, after: cursor, limit: limit + 1 };
      const children = await scope.nodes.children(page);
      return ok(pageOf(children, limit, ({ name }) => nameKey(name)));
    });
}

/** Lists what was put in the trash of a space, the newest first. What lies below it is not listed. */
export function listTrash({ read, mayAct }: Deps) {
  const permittedIn = permittedSpace(mayAct, Permissions.readNode);
  return async (
    { spaceId, limit = NodePageSize.usual, cursor }: ListTrash,
    context: Context,
  ): Promise<Result<Page<Trashed, TrashCursor>, SpaceNotFound | Forbidden>> =>
    read(context, async (scope) => {
      const space = await permittedIn(scope, spaceId, context);
      if (!space.ok) return space;
      const page = { spaceId, before: cursor && placeIn(cursor), limit: limit + 1 };
      const found = await scope.nodes.trashed(page);
      return ok(pageOf(found, limit, ({ trashedAt, id }) => `${trashedAt}.${id}` as TrashCursor));
    });
}
