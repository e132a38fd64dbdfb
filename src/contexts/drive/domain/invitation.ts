import type { Change } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import { line } from "#kernel/line.ts";
import { branded, type Brand } from "#kernel/shape.ts";
import { Version, type Versioned } from "#kernel/version.ts";
import { InvitationEnded, MemberInvited, type DriveEvent } from "./events.ts";
import type { InvitationId, SpaceId, UserId } from "./ids.ts";
import type { MemberRole } from "./member-role.ts";

/** An email address, as identity spells it. */
export type Address = Brand<string, "Address">;
export const Address = branded<Address>("email address", {
  schema: { type: "string", format: "email", maxLength: 254 },
});

/** An email address as a person types it. */
export const TypedAddress = line<"TypedAddress">("email address", { min: 3, max: 320 });

/** Lets the owner of an email address join a space. */
export type Invitation = Versioned & {
  readonly id: InvitationId;
  readonly spaceId: SpaceId;
  readonly email: Address;
  readonly role: MemberRole;
  readonly invitedBy: UserId;
  readonly createdAt: Instant;
  readonly expiresAt: Instant;
};

/** An invitation can be accepted for so long. */
export const invitationMs = 30 * 86_400_000;

export type InvitationNotFound = {
  readonly type: "invitation-not-found";
  readonly invitationId: InvitationId;
};
export type AlreadyInvited = {
  readonly type: "already-invited";
  readonly invitationId: InvitationId;
};
/** Mail cannot be sent to it. */
export type AddressInvalid = { readonly type: "address-invalid" };

export const Invitation = {
  create(invitation: Omit<Invitation, "version">): Change<Invitation, DriveEvent> {
    const { id: invitationId, spaceId, role } = invitation;
    return {
      state: { ...invitation, version: Version.none },
      events: [MemberInvited({ invitationId, spaceId, role })],
    };
  },
  /** Accepted, declined or withdrawn. */
  end(invitation: Invitation): Change<Invitation, DriveEvent> {
    const { id: invitationId, spaceId } = invitation;
    return { state: invitation, events: [InvitationEnded({ invitationId, spaceId })] };
  },
};
