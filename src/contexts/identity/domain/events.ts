import { event, registry, type EventOf } from "#kernel/event.ts";
import { Instant } from "#kernel/instant.ts";
import { Email } from "./email.ts";
import { UserId } from "./user-id.ts";
import { UserName } from "./user-name.ts";

export const UserRegistered = event("identity.user-registered", 1, {
  userId: UserId,
  email: Email,
  name: UserName,
  registeredAt: Instant,
});

export const UserRenamed = event("identity.user-renamed", 1, { userId: UserId, name: UserName });

export const UserEmailChanged = event("identity.user-email-changed", 1, {
  userId: UserId,
  email: Email,
  previous: Email,
});

export const UserDeleted = event("identity.user-deleted", 1, {
  userId: UserId,
  deletedAt: Instant,
});

export const identityEvents = registry(UserRegistered, UserRenamed, UserEmailChanged, UserDeleted);
export type IdentityEvent = EventOf<typeof identityEvents>;
