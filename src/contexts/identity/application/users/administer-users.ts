import { type PreconditionFailed, Version } from "#kernel/version.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { list, oneOf, optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Role } from "../../domain/role.ts";
import { UserId } from "../../domain/user-id.ts";
import {
  User,
  type EmailUnverified,
  type InvitationAlreadyAccepted,
  type LastAdministrator,
  type PresentUser,
  type UserNotFound,
} from "../../domain/user.ts";
import { administratorsLock } from "../administrators.ts";
import { mayActNow, whileSignedIn, type SignInTooOld } from "../credentials/own-credentials.ts";
import type { IdentityScope } from "../ports.ts";
import { endAll, revokeAll } from "../revocation.ts";

const maxRoles = 20;

export const SetUserStatus = shape({
  userId: UserId,
  status: oneOf("active", "disabled"),
  expectedVersion: optional(Version),
});

export type SetUserStatus = Infer<typeof SetUserStatus>;

export const ResendInvitation = shape({ userId: UserId });

export type ResendInvitation = Infer<typeof ResendInvitation>;

export const AssignRoles = shape({
  userId: UserId,
  roles: list(Role, maxRoles),
  expectedVersion: optional(Version),
});

export type AssignRoles = Infer<typeof AssignRoles>;

export type UnknownRole = { readonly type: "unknown-role"; readonly role: Role };

type Deps = {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};

type Refused =
  | UserNotFound
  | PreconditionFailed
  | LastAdministrator
  | Forbidden
  | SignInTooOld
  | Conflict;

/** Disables a user from their next request on and revokes their API keys, or enables them again. */
export function setUserStatus(deps: Deps) {
  const { clock } = deps;
  return async (
    { userId, status, expectedVersion }: SetUserStatus,
    context: Context,
  ): Promise<Result<PresentUser, Refused>> => {
    const allowed = await mayActNow(deps, context, Permissions.disableUser);
    if (!allowed.ok) return allowed;

    return whileSignedIn(deps)(
      context,
      async ({ users, sessions, apiKeys }) => {
        const found = User.expected(await users.byId(userId), expectedVersion);
        if (!found.ok) return found;
        if (status === "active") return ok(users.save(User.enable(found.value)));
        if (!(await users.isAdministeredWithout(userId)))
          return err({ type: "last-administrator" });
        const at = clock.now();
        await endAll(sessions, userId, { at, why: "disabled" });
        await revokeAll(apiKeys, userId, at);
        return ok(users.save(User.disable(found.value)));
      },
      { lock: [administratorsLock, userId] },
    );
  };
}

/** Sends the email with an invitation again. Links of earlier emails go on working until they expire. */
export function resendInvitation({ unitOfWork, mayAct }: Deps) {
  return async (
    { userId }: ResendInvitation,
    context: Context,
  ): Promise<Result<void, InvitationAlreadyAccepted | UserNotFound | Forbidden | Conflict>> => {
    const allowed = await mayAct(context, Permissions.inviteUser);
    if (!allowed.ok) return allowed;

    return unitOfWork(context, async ({ users }) => {
      const found = User.present(await users.byId(userId));
      if (!found.ok) return found;
      const invited = User.invite(found.value);
      if (!invited.ok) return invited;
      users.save(invited.value);
      return ok(undefined);
    });
  };
}

/** Replaces the roles of a user. It counts from their next request on. */
export function assignRoles(deps: Deps) {
  return async (
    { userId, roles, expectedVersion }: AssignRoles,
    context: Context,
  ): Promise<Result<PresentUser, UnknownRole | EmailUnverified | Refused>> => {
    const allowed = await mayActNow(deps, context, Permissions.assignRoles);
    if (!allowed.ok) return allowed;

    return whileSignedIn(deps)(
      context,
      async ({ users, policies }) => {
        const known = new Set((await policies.all()).map(({ role }) => role));
        const unknown = roles.find((role) => !known.has(role) || role === Role.owner);
        if (unknown !== undefined) return err({ type: "unknown-role", role: unknown });
        const found = User.expected(await users.byId(userId), expectedVersion);
        if (!found.ok) return found;
        if (!roles.includes(Role.admin) && !(await users.isAdministeredWithout(userId)))
          return err({ type: "last-administrator" });
        const assigned = User.assignRoles(found.value, roles);
        return assigned.ok ? ok(users.save(assigned.value)) : assigned;
      },
      { lock: [administratorsLock] },
    );
  };
}
