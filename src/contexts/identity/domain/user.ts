import { unchanged, type Change, type Versioned } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { Version } from "#kernel/version.ts";
import type { Email } from "./email.ts";
import {
  UserDeleted,
  UserEmailChanged,
  UserRegistered,
  UserRenamed,
  type IdentityEvent,
} from "./events.ts";
import type { UserId } from "./user-id.ts";
import type { UserName } from "./user-name.ts";

type Person = Versioned & {
  readonly id: UserId;
  readonly email: Email;
  readonly name: UserName;
  readonly createdAt: Instant;
};

export type ActiveUser = Person & { readonly status: "active" };

/** Kept for the record. The address is free for others; nothing can be done with it any more. */
export type DeletedUser = Person & { readonly status: "deleted"; readonly deletedAt: Instant };

export type User = ActiveUser | DeletedUser;

type Changed<U extends User> = Change<U, IdentityEvent>;

/** The user has changed since the version that the caller saw. */
export type PreconditionFailed = {
  readonly type: "precondition-failed";
  readonly currentVersion: Version;
};
export type UserNotFound = { readonly type: "user-not-found" };
export type UserAlreadyExists = { readonly type: "user-already-exists"; readonly email: Email };

export const User = {
  register({
    id,
    email,
    name,
    at,
  }: {
    readonly id: UserId;
    readonly email: Email;
    readonly name: UserName;
    readonly at: Instant;
  }): Changed<ActiveUser> {
    const user: ActiveUser = {
      status: "active",
      id,
      email,
      name,
      createdAt: at,
      version: Version.none,
    };
    return {
      state: user,
      events: [UserRegistered({ userId: id, email, name, registeredAt: at })],
    };
  },

  /** Whoever was deleted is not found by anyone: only active users can be shown and changed. */
  active(user: User | undefined): Result<ActiveUser, UserNotFound> {
    return user?.status === "active" ? ok(user) : err({ type: "user-not-found" });
  },

  /** An active user, at the version that the caller expects, if it expects one. */
  expected(
    user: User | undefined,
    version: Version | undefined,
  ): Result<ActiveUser, UserNotFound | PreconditionFailed> {
    const found = User.active(user);
    if (!found.ok || version === undefined || version === found.value.version) return found;
    return err({ type: "precondition-failed", currentVersion: found.value.version });
  },

  rename(user: ActiveUser, name: UserName): Changed<ActiveUser> {
    if (name === user.name) return unchanged(user);
    return { state: { ...user, name }, events: [UserRenamed({ userId: user.id, name })] };
  },

  changeEmail(user: ActiveUser, email: Email): Changed<ActiveUser> {
    if (email === user.email) return unchanged(user);
    return {
      state: { ...user, email },
      events: [UserEmailChanged({ userId: user.id, email, previous: user.email })],
    };
  },

  delete(user: ActiveUser, at: Instant): Changed<DeletedUser> {
    return {
      state: { ...user, status: "deleted", deletedAt: at },
      events: [UserDeleted({ userId: user.id, deletedAt: at })],
    };
  },
};
