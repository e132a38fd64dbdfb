import type { Context } from "#kernel/context.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { SpaceId, UserId } from "../../domain/ids.ts";
import { Invitation } from "../../domain/invitation.ts";
import { MemberRole } from "../../domain/member-role.ts";
import { Space, type Member, type MemberNotFound, type SpaceNotFound } from "../../domain/space.ts";
import { Permissions } from "../permission.ts";
import type { Addresses } from "../ports/invitations.ts";
import type { DriveScope } from "../ports/scope.ts";
import { permittedSpace } from "./access.ts";

export const ListMembers = shape({ spaceId: SpaceId });
export type ListMembers = Infer<typeof ListMembers>;

export const ChangeMember = shape({ spaceId: SpaceId, userId: UserId, role: MemberRole });
export type ChangeMember = Infer<typeof ChangeMember>;

export const RemoveMember = shape({ spaceId: SpaceId, userId: UserId });
export type RemoveMember = Infer<typeof RemoveMember>;

type Deps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly read: Read<DriveScope>;
  readonly mayAct: MayAct;
  readonly addresses: Addresses;
};

/** Lists the members of a space, in the order in which they have joined. */
export function listMembers({ read, mayAct }: Deps) {
  const permitted = permittedSpace(mayAct, Permissions.readSpace);
  return async (
    { spaceId }: ListMembers,
    context: Context,
  ): Promise<Result<readonly Member[], SpaceNotFound | Forbidden>> => {
    const space = await read(context, (scope) => permitted(scope, spaceId, context));
    return space.ok ? ok(space.value.members) : space;
  };
}

/** Gives a member another role. */
export function changeMember({ unitOfWork, mayAct }: Deps) {
  const permitted = permittedSpace(mayAct, Permissions.shareSpace);
  type Outcome = Result<Member, SpaceNotFound | MemberNotFound | Forbidden | Conflict>;
  return async ({ spaceId, userId, role }: ChangeMember, context: Context): Promise<Outcome> =>
    unitOfWork(context, async (scope): Promise<Outcome> => {
      const space = await permitted(scope, spaceId, context);
      if (!space.ok) return space;
      const changed = Space.changeRole(space.value, userId, role);
      if (!changed.ok) return changed;
      const member = scope.spaces.save(changed.value).members.find((one) => one.userId === userId);
      return member ? ok(member) : err({ type: "member-not-found", userId });
    });
}

/** Ends a membership at once, with the links and locks of the member and what else they are invited to. Members may leave by themselves. */
export function removeMember({ unitOfWork, mayAct, addresses }: Deps) {
  const sharing = permittedSpace(mayAct, Permissions.shareSpace);
  const reading = permittedSpace(mayAct, Permissions.readSpace);
  type Outcome = Result<void, SpaceNotFound | MemberNotFound | Forbidden | Conflict>;
  return async ({ spaceId, userId }: RemoveMember, context: Context): Promise<Outcome> => {
    const isLeaving = userId === context.actor;
    const may = isLeaving ? await mayAct(context, Permissions.openSpace) : ok(undefined);
    if (!may.ok) return may;
    const permitted = isLeaving ? reading : sharing;
    const email = await addresses.verifiedOf(userId);
    return unitOfWork(context, async (scope): Promise<Outcome> => {
      const space = await permitted(scope, spaceId, context);
      if (!space.ok) return space;
      const changed = Space.remove(space.value, userId);
      if (!changed.ok) return changed;
      scope.spaces.save(changed.value);
      scope.links.endOf(userId, spaceId);
      scope.locks.endOf(userId, spaceId);
      const invited = (await scope.invitations.toSpace(spaceId)).find((one) => one.email === email);
      if (invited) scope.invitations.end(Invitation.end(invited));
      return ok(undefined);
    });
  };
}
