import type { Context } from "#kernel/context.ts";
import type { Forbidden, MayAct, Permission } from "#kernel/permission.ts";
import { err, type Result, ok } from "#kernel/result.ts";
import { UserId, type OwnerId, type SpaceId } from "../../domain/ids.ts";
import type { MemberRole } from "../../domain/member-role.ts";
import { Space, type SpaceNotFound } from "../../domain/space.ts";
import { Permissions } from "../permission.ts";
import type { DriveScope } from "../ports/scope.ts";

const reading = [Permissions.readSpace, Permissions.readNode];
const allowed: Readonly<Record<MemberRole, readonly Permission[]>> = {
  viewer: reading,
  editor: [...reading, Permissions.changeNode, Permissions.shareNode],
};

/** Whose a space is, and what the actor is in it. */
type Standing = { readonly ownerId: OwnerId; readonly role: MemberRole | undefined };

/** Whether the actor may act in a space. What the role of a member allows, they may do as with a space of their own. */
export function mayActIn(
  mayAct: MayAct,
  permission: Permission,
  { ownerId, role }: Standing,
  context: Context,
): Promise<Result<void, Forbidden>> {
  const member = UserId.parse(context.actor);
  const isAllowed = role !== undefined && allowed[role].includes(permission);
  const owner = isAllowed && member.ok ? member.value : ownerId;
  return mayAct(context, permission, { owner });
}

/** The space, if there is one and the actor has the permission in it. */
export const permittedSpace =
  (mayAct: MayAct, permission: Permission) =>
  async (
    { spaces }: Pick<DriveScope, "spaces">,
    spaceId: SpaceId,
    context: Context,
  ): Promise<Result<Space, SpaceNotFound | Forbidden>> => {
    const space = await spaces.byId(spaceId);
    if (!space) return err({ type: "space-not-found", spaceId });
    const standing = { ownerId: space.ownerId, role: Space.roleOf(space, context.actor) };
    const may = await mayActIn(mayAct, permission, standing, context);
    return may.ok ? ok(space) : may;
  };
