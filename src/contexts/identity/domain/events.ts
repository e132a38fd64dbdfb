import { text } from "#kernel/scalars.ts";
import { event, registry, type EventOf } from "#kernel/event.ts";
import { Instant } from "#kernel/instant.ts";
import { list, oneOf } from "#kernel/shape.ts";
import { Email } from "./email.ts";
import { EndReason, Factor } from "./factor.ts";
import { ApiKeyId, SessionId } from "./ids.ts";
import { UserId } from "./user-id.ts";
import { UserName } from "./user-name.ts";

const maxRoles = 20;
const maxPermissions = 100;
const Text = text(400);
/** A process of an older release waits for an event with such a name: it would refuse the name. */
const sinceNamesOfOneLetter = (before: object) => before;

export const UserRegistered = event(
  "identity.user-registered",
  3,
  {
    userId: UserId,
    email: Email,
    name: UserName,
    registeredAt: Instant,
    /** Invited, without a password: the invitation lets them set it. */
    by: oneOf("self", "invitation", "system"),
  },
  [(v1: object) => ({ ...v1, by: "self" }), sinceNamesOfOneLetter],
);
export const UserRenamed = event("identity.user-renamed", 2, { userId: UserId, name: UserName }, [
  sinceNamesOfOneLetter,
]);
export const UserEmailChanged = event("identity.user-email-changed", 1, {
  userId: UserId,
  email: Email,
  previous: Email,
});
export const UserEmailChangeRequested = event("identity.user-email-change-requested", 1, {
  userId: UserId,
  email: Email,
});
export const UserEmailChangeWithdrawn = event("identity.user-email-change-withdrawn", 1, {
  userId: UserId,
});
/** The former address has taken the account back. */
export const UserEmailRestored = event("identity.user-email-restored", 1, {
  userId: UserId,
  email: Email,
  previous: Email,
});
/** An email with the invitation was asked for again. The first one follows the registration. */
export const UserInvited = event("identity.user-invited", 1, { userId: UserId });
export const InvitationAccepted = event("identity.invitation-accepted", 1, { userId: UserId });
export const UserEmailVerified = event("identity.user-email-verified", 1, {
  userId: UserId,
  email: Email,
});
export const UserDisabled = event("identity.user-disabled", 1, { userId: UserId });
export const UserEnabled = event("identity.user-enabled", 1, { userId: UserId });
export const UserRolesChanged = event("identity.user-roles-changed", 1, {
  userId: UserId,
  roles: list(Text, maxRoles),
});
export const UserDeleted = event("identity.user-deleted", 1, {
  userId: UserId,
  deletedAt: Instant,
});

/** Other contexts erase what they know of the person. */
export const UserErased = event("identity.user-erased", 1, { userId: UserId });

/** The address is looked up later, so that a request takes the same time for all addresses. */
export const PasswordResetRequested = event("identity.password-reset-requested", 1, {
  email: Email,
});
export const EmailVerificationRequested = event("identity.email-verification-requested", 1, {
  email: Email,
});

export const PasswordSet = event("identity.password-set", 1, {
  userId: UserId,
  why: oneOf("registration", "change", "reset", "new-parameters"),
});
export const TotpEnrolled = event("identity.totp-enrolled", 1, { userId: UserId });
export const TotpActivated = event("identity.totp-activated", 1, { userId: UserId });
export const TotpRemoved = event("identity.totp-removed", 1, { userId: UserId });
export const SecondFactorUsed = event("identity.second-factor-used", 1, {
  userId: UserId,
  factor: oneOf("totp", "recovery-code"),
});
export const PasskeyAdded = event("identity.passkey-added", 1, { userId: UserId, name: Text });
export const PasskeyUsed = event("identity.passkey-used", 1, { userId: UserId, passkeyId: Text });
export const PasskeyRemoved = event("identity.passkey-removed", 1, {
  userId: UserId,
  passkeyId: Text,
});

export const SessionStarted = event("identity.session-started", 1, {
  sessionId: SessionId,
  userId: UserId,
  factors: list(Factor, 2),
});
export const SessionRefreshed = event("identity.session-refreshed", 1, {
  sessionId: SessionId,
  userId: UserId,
});
export const SessionEnded = event("identity.session-ended", 1, {
  sessionId: SessionId,
  userId: UserId,
  why: EndReason,
});

export const ApiKeyCreated = event("identity.api-key-created", 1, {
  keyId: ApiKeyId,
  userId: UserId,
  name: Text,
});
export const ApiKeyRevoked = event("identity.api-key-revoked", 1, {
  keyId: ApiKeyId,
  userId: UserId,
});

export const PolicyChanged = event("identity.policy-changed", 1, {
  role: Text,
  permissions: list(Text, maxPermissions),
});

export const identityEvents = registry(
  UserRegistered,
  UserRenamed,
  UserEmailChanged,
  UserEmailChangeRequested,
  UserEmailChangeWithdrawn,
  UserEmailRestored,
  UserInvited,
  InvitationAccepted,
  UserEmailVerified,
  UserDisabled,
  UserEnabled,
  UserRolesChanged,
  UserDeleted,
  UserErased,
  PasswordResetRequested,
  EmailVerificationRequested,
  PasswordSet,
  TotpEnrolled,
  TotpActivated,
  TotpRemoved,
  SecondFactorUsed,
  PasskeyAdded,
  PasskeyUsed,
  PasskeyRemoved,
  SessionStarted,
  SessionRefreshed,
  SessionEnded,
  ApiKeyCreated,
  ApiKeyRevoked,
  PolicyChanged,
);
/** Events after which cached sessions, keys or permissions may be wrong. */
const voiding: ReadonlySet<string> = new Set(
  [
    SessionEnded,
    ApiKeyRevoked,
    PolicyChanged,
    UserDisabled,
    UserEnabled,
    InvitationAccepted,
    UserEmailVerified,
    UserRolesChanged,
    UserDeleted,
  ].map(({ type }) => type),
);
export const voids = (types: ReadonlySet<string>): boolean =>
  [...types].some((type) => voiding.has(type));

export type IdentityEvent = EventOf<typeof identityEvents>;
