import { type Versioned, atVersion, type PreconditionFailed, Version } from "#kernel/version.ts";
import { unchanged, type Change } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Email } from "./email.ts";
import {
  UserDeleted,
  UserDisabled,
  UserEmailChanged,
  UserEmailVerified,
  UserEnabled,
  UserRegistered,
  UserRenamed,
  UserRolesChanged,
  type IdentityEvent,
} from "./events.ts";
import { Role } from "./role.ts";
import type { UserId } from "./user-id.ts";
import type { UserName } from "./user-name.ts";

type Person = Versioned & {
  readonly id: UserId;
  readonly email: Email;
  /** Whether they have shown that mail to the address reaches them. */
  readonly isEmailVerified: boolean;
  readonly name: UserName;
  readonly roles: readonly Role[];
  readonly createdAt: Instant;
};

export type ActiveUser = Person & { readonly status: "active" };

/** Known, and can neither sign in nor do anything until an administrator says so. */
export type DisabledUser = Person & { readonly status: "disabled" };

/** Kept for the record. The address is free for others; nothing can be done with it any more. */
export type DeletedUser = Person & { readonly status: "deleted"; readonly deletedAt: Instant };

/** A user that can be shown and changed. */
export type PresentUser = ActiveUser | DisabledUser;
export type User = PresentUser | DeletedUser;

type Changed<U extends User> = Change<U, IdentityEvent>;

export type UserNotFound = { readonly type: "user-not-found" };
export type UserAlreadyExists = { readonly type: "user-already-exists"; readonly email: Email };
export type EmailUnverified = { readonly type: "email-unverified" };
/** The change would remove the last administrator. */
export type LastAdministrator = { readonly type: "last-administrator" };

type Registration = {
  readonly id: UserId;
  readonly email: Email;
  readonly name: UserName;
  readonly at: Instant;
  readonly by: "self" | "invitation" | "system";
  readonly roles?: readonly Role[];
};

export const User = {
  register({ id, email, name, at, by, roles = [Role.member] }: Registration): Changed<ActiveUser> {
    const user: ActiveUser = {
      status: "active",
      id,
      email,
      isEmailVerified: by === "system", // the operator has named it
      name,
      roles,
      createdAt: at,
      version: Version.none,
    };
    return {
      state: user,
      events: [UserRegistered({ userId: id, email, name, registeredAt: at, by })],
    };
  },

  /** Refuses deleted users as not found. */
  present(user: User | undefined): Result<PresentUser, UserNotFound> {
    return user && user.status !== "deleted" ? ok(user) : err({ type: "user-not-found" });
  },

  /**
   * A present user whose address is shown to be theirs. Before, somebody else may have registered it, so
   * nothing but a password is added to their credentials.
   */
  verified(user: User | undefined): Result<PresentUser, UserNotFound | EmailUnverified> {
    const found = User.present(user);
    if (!found.ok || found.value.isEmailVerified) return found;
    return err({ type: "email-unverified" });
  },

  /** A present user, at the version that the caller expects, if it expects one. */
  expected(
    user: User | undefined,
    version: Version | undefined,
  ): Result<PresentUser, UserNotFound | PreconditionFailed> {
    const found = User.present(user);
    return found.ok ? atVersion(found.value, version) : found;
  },

  rename<U extends PresentUser>(user: U, name: UserName): Changed<U> {
    if (name === user.name) return unchanged(user);
    return { state: { ...user, name }, events: [UserRenamed({ userId: user.id, name })] };
  },

  /** Changes the address, which is unverified again. */
  changeEmail<U extends PresentUser>(user: U, email: Email): Changed<U> {
    if (email === user.email) return unchanged(user);
    return {
      state: { ...user, email, isEmailVerified: false },
      events: [UserEmailChanged({ userId: user.id, email, previous: user.email })],
    };
  },

  verifyEmail<U extends PresentUser>(user: U): Changed<U> {
    if (user.isEmailVerified) return unchanged(user);
    return {
      state: { ...user, isEmailVerified: true },
      events: [UserEmailVerified({ userId: user.id, email: user.email })],
    };
  },

  assignRoles<U extends PresentUser>(user: U, roles: readonly Role[]): Changed<U> {
    const wanted = [...new Set(roles)].toSorted();
    if (wanted.join(" ") === user.roles.toSorted().join(" ")) return unchanged(user);
    return {
      state: { ...user, roles: wanted },
      events: [UserRolesChanged({ userId: user.id, roles: wanted })],
    };
  },

  disable(user: PresentUser): Changed<PresentUser> {
    if (user.status === "disabled") return unchanged(user);
    return { state: { ...user, status: "disabled" }, events: [UserDisabled({ userId: user.id })] };
  },

  enable(user: PresentUser): Changed<PresentUser> {
    if (user.status === "active") return unchanged(user);
    return { state: { ...user, status: "active" }, events: [UserEnabled({ userId: user.id })] };
  },

  delete(user: PresentUser, at: Instant): Changed<DeletedUser> {
    return {
      state: { ...user, status: "deleted", deletedAt: at },
      events: [UserDeleted({ userId: user.id, deletedAt: at })],
    };
  },

  isAdministrator: (user: User): boolean =>
    user.status === "active" && user.roles.includes(Role.admin),
};
