import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { NodeId, OwnerId, SpaceId } from "../../domain/ids.ts";
import { NodeName } from "../../domain/node-name.ts";
import { Node } from "../../domain/node.ts";
import {
  maxSpaces,
  Space,
  type SeenSpace,
  type SpaceNotFound,
  type TooManySpaces,
} from "../../domain/space.ts";
import { permittedSpace } from "./access.ts";
import { Permissions } from "../permission.ts";
import type { DriveScope } from "../ports/scope.ts";

export const OpenSpace = shape({ name: NodeName });
export type OpenSpace = Infer<typeof OpenSpace>;

export const GetSpace = shape({ spaceId: SpaceId });
export type GetSpace = Infer<typeof GetSpace>;

export const ListSpaces = shape({});

type Deps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly read: Read<DriveScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
};

/** Opens an empty space for the actor. */
export const openSpace =
  ({ unitOfWork, mayAct, clock, newId }: Deps) =>
  async (
    { name }: OpenSpace,
    context: Context,
  ): Promise<Result<SeenSpace, TooManySpaces | Forbidden | Conflict>> => {
    const allowed = await mayAct(context, Permissions.openSpace);
    if (!allowed.ok) return allowed;
    const owner = OwnerId.parse(context.actor);
    if (!owner.ok) return err({ type: "forbidden", permission: Permissions.openSpace });
    const ownerId = owner.value;
    return unitOfWork(
      context,
      async ({ spaces, nodes }): Promise<Result<SeenSpace, TooManySpaces>> => {
        const own = await spaces.ofOwner(ownerId);
        if (own.length >= maxSpaces) return err({ type: "too-many-spaces", maxSpaces });
        const [id, rootId, openedAt] = [newId(SpaceId), newId(NodeId), clock.now()];
        nodes.save(Node.root({ id: rootId, spaceId: id, name, createdAt: openedAt }));
        const space = spaces.save(Space.open({ id, ownerId, name, rootId, openedAt }));
        return ok(Space.seenBy(space, ownerId));
      },
      { lock: [`drive.spaces/${ownerId}`] },
    );
  };

/** Returns a space. */
export function getSpace({ read, mayAct }: Deps) {
  const permitted = permittedSpace(mayAct, Permissions.readSpace);
  return (
    { spaceId }: GetSpace,
    context: Context,
  ): Promise<Result<SeenSpace, SpaceNotFound | Forbidden>> =>
    read(context, async (scope) => {
      const space = await permitted(scope, spaceId, context);
      return space.ok ? ok(Space.seenBy(space.value, context.actor)) : space;
    });
}

/** Lists the spaces of the actor, and then those that they are a member of, each in the order of their opening. */
export const listSpaces =
  ({ read, mayAct }: Deps) =>
  async (_: object, context: Context): Promise<Result<readonly SeenSpace[], Forbidden>> => {
    const owner = OwnerId.parse(context.actor);
    if (!owner.ok) return ok([]);
    const allowed = await mayAct(context, Permissions.readSpace, { owner: owner.value });
    if (!allowed.ok) return allowed;
    return read(context, async ({ spaces }) => {
      const [own, shared] = await Promise.all([
        spaces.ofOwner(owner.value),
        spaces.ofMember(owner.value),
      ]);
      return ok([...own, ...shared].map((space) => Space.seenBy(space, owner.value)));
    });
  };
