import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { InvitationId, SpaceId, UserId } from "../../domain/ids.ts";
import {
  TypedAddress,
  Invitation,
  invitationMs,
  type AddressInvalid,
  type AlreadyInvited,
  type InvitationNotFound,
} from "../../domain/invitation.ts";
import { MemberRole } from "../../domain/member-role.ts";
import {
  maxMembers,
  maxMemberships,
  Space,
  type AlreadyMember,
  type SeenSpace,
  type SpaceNotFound,
  type TooManyMembers,
  type TooManySpaces,
} from "../../domain/space.ts";
import { Permissions } from "../permission.ts";
import type { Addresses } from "../ports/invitations.ts";
import type { DriveScope } from "../ports/scope.ts";
import { permittedSpace } from "./access.ts";

export const InviteMember = shape({ spaceId: SpaceId, email: TypedAddress, role: MemberRole });
export type InviteMember = Infer<typeof InviteMember>;

export const ListInvited = shape({ spaceId: SpaceId });
export type ListInvited = Infer<typeof ListInvited>;

export const ListInvitations = shape({});

export const AnswerInvitation = shape({ invitationId: InvitationId });
export type AnswerInvitation = Infer<typeof AnswerInvitation>;

/** Invitations of one address that are told at most. */
export const toldInvitations = 100;

type Deps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly read: Read<DriveScope>;
  readonly mayAct: MayAct;
  readonly addresses: Addresses;
  readonly clock: Clock;
  readonly newId: NewId;
};

/** An invitation, and the space that it is to. */
export type Invited = { readonly invitation: Invitation; readonly space: Space };

/** Invites the owner of an email address. The answer does not tell whether a user has that address. */
export function inviteMember({ unitOfWork, mayAct, addresses, clock, newId }: Deps) {
  const permitted = permittedSpace(mayAct, Permissions.shareSpace);
  type Refused =
    | SpaceNotFound
    | AddressInvalid
    | AlreadyInvited
    | AlreadyMember
    | TooManyMembers
    | Forbidden;
  type Outcome = Result<Invitation, Refused | Conflict>;
  return async (
    { spaceId, email: typed, role }: InviteMember,
    context: Context,
  ): Promise<Outcome> => {
    const asker = await askerOf({ addresses }, context);
    const ownAddress = asker?.email;
    return unitOfWork(
      context,
      async (scope): Promise<Outcome> => {
        const space = await permitted(scope, spaceId, context);
        if (!space.ok) return space;
        const email = addresses.canonical(typed);
        if (email === undefined) return err({ type: "address-invalid" });
        if (email === ownAddress) return err({ type: "already-member", spaceId });
        const createdAt = clock.now();
        const others = (await scope.invitations.toSpace(spaceId)).filter(
          ({ expiresAt }) => expiresAt > createdAt,
        );
        const same = others.find((one) => one.email === email);
        if (same) return err({ type: "already-invited", invitationId: same.id });
        if (others.length + space.value.members.length >= maxMembers)
          return err({ type: "too-many-members", maxMembers });
        const inviter = UserId.parse(context.actor);
        const invitation = {
          id: newId(InvitationId),
          spaceId,
          email,
          role,
          invitedBy: inviter.ok ? inviter.value : space.value.ownerId,
          createdAt,
          expiresAt: Instant.plus(createdAt, invitationMs),
        };
        scope.invitations.expire(createdAt);
        return ok(scope.invitations.save(Invitation.create(invitation)));
      },
      { lock: [`drive.invitations/${spaceId}`] },
    );
  };
}

/** Lists the open invitations to a space, the oldest first. */
export function listInvited({ read, mayAct, clock }: Deps) {
  const permitted = permittedSpace(mayAct, Permissions.shareSpace);
  type Outcome = Result<readonly Invitation[], SpaceNotFound | Forbidden>;
  return async ({ spaceId }: ListInvited, context: Context): Promise<Outcome> =>
    read(context, async (scope): Promise<Outcome> => {
      const space = await permitted(scope, spaceId, context);
      if (!space.ok) return space;
      const all = await scope.invitations.toSpace(spaceId);
      return ok(all.filter(({ expiresAt }) => expiresAt > clock.now()));
    });
}

/** Lists the invitations of the actor, by the address that they have verified. */
export function listInvitations({ read, mayAct, addresses, clock }: Deps) {
  return async (
    _asked: object,
    context: Context,
  ): Promise<Result<readonly Invited[], Forbidden>> => {
    const actor = UserId.parse(context.actor);
    if (!actor.ok) return ok([]);
    const allowed = await mayAct(context, Permissions.readSpace, { owner: actor.value });
    if (!allowed.ok) return allowed;
    const email = await addresses.verifiedOf(actor.value);
    if (email === undefined) return ok([]);
    return read(context, async ({ invitations, spaces }) => {
      const own = await invitations.ofAddress(email, toldInvitations);
      const open = own.filter(({ expiresAt }) => expiresAt > clock.now());
      const told = open.map(async (invitation) => {
        const space = await spaces.byId(invitation.spaceId);
        return space ? [{ invitation, space }] : [];
      });
      return ok((await Promise.all(told)).flat());
    });
  };
}

/** The invitation, if it has not expired, and who it is to. */
async function openInvitation(
  { invitations }: DriveScope,
  invitationId: InvitationId,
  now: Instant,
): Promise<Result<Invitation, InvitationNotFound>> {
  const found = await invitations.byId(invitationId);
  return found && found.expiresAt > now
    ? ok(found)
    : err({ type: "invitation-not-found", invitationId });
}

/** The user who asks, and the address that they have verified. */
async function askerOf({ addresses }: Pick<Deps, "addresses">, { actor }: Context) {
  const user = UserId.parse(actor);
  if (!user.ok) return undefined;
  return { userId: user.value, email: await addresses.verifiedOf(user.value) };
}

/** Makes the actor a member of the space that they are invited to; whoever is one gets the role of the invitation. */
export function acceptInvitation(deps: Deps) {
  const { unitOfWork, mayAct, clock } = deps;
  type Refused = InvitationNotFound | AlreadyMember | TooManyMembers | TooManySpaces | Forbidden;
  type Outcome = Result<SeenSpace, Refused | Conflict>;
  return async ({ invitationId }: AnswerInvitation, context: Context): Promise<Outcome> => {
    const allowed = await mayAct(context, Permissions.openSpace);
    if (!allowed.ok) return allowed;
    const asker = await askerOf(deps, context);
    const accept = async (scope: DriveScope): Promise<Outcome> => {
      const now = clock.now();
      const found = await openInvitation(scope, invitationId, now);
      if (!found.ok) return found;
      const { email, role, spaceId } = found.value;
      if (asker?.email !== email)
        return err({ type: "forbidden", permission: Permissions.openSpace });
      const space = await scope.spaces.byId(spaceId);
      if (!space) return err({ type: "invitation-not-found", invitationId });
      const { userId } = asker;
      const others = await scope.spaces.ofMember(userId);
      if (others.length >= maxMemberships && others.every(({ id }) => id !== spaceId))
        return err({ type: "too-many-spaces", maxSpaces: maxMemberships });
      const joined = Space.join(space, { userId, role, joinedAt: now });
      if (!joined.ok) return joined;
      scope.invitations.end(Invitation.end(found.value));
      return ok(Space.seenBy(scope.spaces.save(joined.value), userId));
    };
    return unitOfWork(context, accept, { lock: [`drive.memberships/${context.actor}`] });
  };
}

/** Ends an invitation: whoever it is to declines it, and whoever shares the space withdraws it. */
export function endInvitation(deps: Deps) {
  const { unitOfWork, mayAct, clock } = deps;
  const permitted = permittedSpace(mayAct, Permissions.shareSpace);
  type Outcome = Result<void, InvitationNotFound | Forbidden | Conflict>;
  return async ({ invitationId }: AnswerInvitation, context: Context): Promise<Outcome> => {
    const asker = await askerOf(deps, context);
    return unitOfWork(context, async (scope): Promise<Outcome> => {
      const found = await openInvitation(scope, invitationId, clock.now());
      if (!found.ok) return found;
      const { email, spaceId } = found.value;
      const allowed =
        asker?.email === email
          ? await mayAct(context, Permissions.openSpace)
          : await permitted(scope, spaceId, context);
      if (!allowed.ok)
        return allowed.error.type === "forbidden"
          ? err(allowed.error)
          : err({ type: "invitation-not-found", invitationId });
      scope.invitations.end(Invitation.end(found.value));
      return ok(undefined);
    });
  };
}
