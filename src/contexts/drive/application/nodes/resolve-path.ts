import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { OwnerId } from "../../domain/ids.ts";
import type { Lock } from "../../domain/lock.ts";
import { nameKey, NodeName } from "../../domain/node-name.ts";
import type { Node } from "../../domain/node.ts";
import { Space, type SeenSpace } from "../../domain/space.ts";
import { Permissions } from "../permission.ts";
import type { DriveScope } from "../ports/scope.ts";
import { mayActIn } from "../spaces/access.ts";

/** A path through all spaces of the actor: the name of a space, or its id, and names below it. */
export type ResolvePath = { readonly space: string; readonly names: readonly string[] };

/** Where a path leads. */
export type Way = {
  readonly space: SeenSpace;
  /** The root and what lies below it, as far as the path leads. */
  readonly nodes: readonly [Node, ...Node[]];
  /** Those that cover the last of the nodes. */
  readonly locks: readonly Lock[];
};

export type NoSuchPath = { readonly type: "path-not-found" };

type Deps = {
  readonly read: Read<DriveScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};

/** The space that a segment names: by its id, or by its name, as the first that has it. */
export function spaceNamed(segment: string, all: readonly SeenSpace[]): SeenSpace | undefined {
  const name = NodeName.parse(segment);
  const key = name.ok ? nameKey(name.value) : undefined;
  return all.find(({ id }) => id === segment) ?? all.find((one) => nameKey(one.name) === key);
}

/** Finds what a path leads to, and the folders on the way, for those whose clients know paths alone. */
export function resolvePath({ read, mayAct, clock }: Deps) {
  async function spacesOf({ spaces }: DriveScope, actor: string): Promise<readonly SeenSpace[]> {
    const user = OwnerId.parse(actor);
    if (!user.ok) return [];
    const [own, shared] = await Promise.all([
      spaces.ofOwner(user.value),
      spaces.ofMember(user.value),
    ]);
    return [...own, ...shared].map((space) => Space.seenBy(space, user.value));
  }

  return async (
    { space: segment, names }: ResolvePath,
    context: Context,
  ): Promise<Result<Way, NoSuchPath | Forbidden>> =>
    read(context, async (scope): Promise<Result<Way, NoSuchPath | Forbidden>> => {
      const space = spaceNamed(segment, await spacesOf(scope, context.actor));
      if (!space) return err({ type: "path-not-found" });
      const role = space.role === "owner" ? undefined : space.role;
      const allowed = await mayActIn(
        mayAct,
        Permissions.readNode,
        { ownerId: space.ownerId, role },
        context,
      );
      if (!allowed.ok) return allowed;
      const { nodes, locks } = scope;
      const parsed = names.map(NodeName.parse);
      const end = parsed.findIndex((name) => !name.ok);
      const known = parsed.slice(0, end === -1 ? undefined : end);
      const keys = known.flatMap((name) => (name.ok ? [nameKey(name.value)] : []));
      const [[root], below] = await Promise.all([
        nodes.seen([space.rootId]),
        nodes.down(space.rootId, keys),
      ]);
      if (!root) return err({ type: "path-not-found" });
      const above = [root.node, ...below].map(({ id }) => ({ id, isTrashed: false })).toReversed();
      const last = { node: below.at(-1) ?? root.node, above: above.slice(1) };
      const covering = await locks.covering(last, clock.now());
      return ok({ space, nodes: [root.node, ...below], locks: covering });
    });
}
