import { type Versioned, atVersion, type PreconditionFailed, Version } from "#kernel/version.ts";
import { andThen, unchanged, type Change } from "#kernel/change.ts";
import { Instant } from "#kernel/instant.ts";
import { err, expect, ok, type Result } from "#kernel/result.ts";
import { Email } from "./email.ts";
import {
  InvitationAccepted,
  UserDeleted,
  UserDisabled,
  UserEmailChanged,
  UserEmailChangeRequested,
  UserEmailChangeWithdrawn,
  UserEmailRestored,
  UserEmailVerified,
  UserEnabled,
  UserErased,
  UserInvited,
  UserRegistered,
  UserRenamed,
  UserRolesChanged,
  type IdentityEvent,
} from "./events.ts";
import { Role } from "./role.ts";
import type { UserId } from "./user-id.ts";
import { UserName } from "./user-name.ts";

/** An address that was verified, and changed not long ago. */
export type FormerEmail = { readonly email: Email; readonly until: Instant };

/** In the place of what was erased, also in events. Nobody has such an address: RFC 6761. */
export const erased = {
  email: expect(Email.parse("erased@erased.invalid")),
  previous: expect(Email.parse("erased@erased.invalid")),
  name: expect(UserName.parse("Erased")),
};

const isSame = (a: FormerEmail) => (b: FormerEmail) => a.email === b.email && a.until === b.until;

/** How long a former address can take the account back. */
export const restorableMs = 72 * 3_600_000;

type Person = Versioned & {
  readonly id: UserId;
  readonly email: Email;
  /** Whether they have shown that mail to the address reaches them. */
  readonly isEmailVerified: boolean;
  /** The address that was asked for. It counts once its owner has confirmed it. */
  readonly pendingEmail: Email | undefined;
  /** The addresses that can take the account back, in the order in which they were replaced. */
  readonly formers: readonly FormerEmail[];
  readonly name: UserName;
  readonly roles: readonly Role[];
  readonly createdAt: Instant;
};

export type ActiveUser = Person & { readonly status: "active" };

/** Made by somebody else. The password that the invited person sets makes it active. */
export type InvitedUser = Person & { readonly status: "invited" };

/** Known, and can neither sign in nor do anything until an administrator says so. */
export type DisabledUser = Person & {
  readonly status: "disabled";
  /** Whether they have not accepted their invitation. */
  readonly isInvited: boolean;
};

/** Kept for the record. The address is free for others; nothing can be done with it any more. */
export type DeletedUser = Person & {
  readonly status: "deleted";
  readonly deletedAt: Instant;
  /** When name and address were replaced by those of nobody. */
  readonly erasedAt: Instant | undefined;
};

/** A user that can be shown and changed. */
export type PresentUser = ActiveUser | InvitedUser | DisabledUser;
export type User = PresentUser | DeletedUser;

type Changed<U extends User> = Change<U, IdentityEvent>;

export type UserNotFound = { readonly type: "user-not-found" };
export type UserAlreadyExists = { readonly type: "user-already-exists"; readonly email: Email };
export type EmailUnverified = { readonly type: "email-unverified" };
/** The invited person has set a password already. */
export type InvitationAlreadyAccepted = { readonly type: "invitation-accepted" };
/** The change would remove the last administrator. */
export type LastAdministrator = { readonly type: "last-administrator" };

const isInvited = (user: PresentUser): boolean =>
  user.status === "disabled" ? user.isInvited : user.status === "invited";

const eachOnce = (roles: readonly Role[]): readonly Role[] => [...new Set(roles)].toSorted();

type Registration = {
  readonly id: UserId;
  readonly email: Email;
  readonly name: UserName;
  readonly at: Instant;
  readonly by: "self" | "invitation" | "system";
  readonly roles?: readonly Role[];
};

export const User = {
  register({ id, email, name, at, by, roles = [Role.member] }: Registration): Changed<PresentUser> {
    const user: PresentUser = {
      status: by === "invitation" ? "invited" : "active",
      id,
      email,
      isEmailVerified: by === "system", // the operator has named it
      pendingEmail: undefined,
      formers: [],
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

  /**
   * Asks for another address, or for the current one again. The address of an invitation changes at once: nobody
   * has it yet.
   */
  changeEmail(user: PresentUser, email: Email): Changed<PresentUser> {
    const { id: userId, email: current, pendingEmail } = user;
    if (email === current)
      return pendingEmail === undefined
        ? unchanged(user)
        : {
            state: { ...user, pendingEmail: undefined },
            events: [UserEmailChangeWithdrawn({ userId })],
          };
    if (isInvited(user)) {
      const invitedAgain = user.status === "invited" ? [UserInvited({ userId })] : [];
      return {
        state: { ...user, email },
        events: [UserEmailChanged({ userId, email, previous: current }), ...invitedAgain],
      };
    }
    return {
      state: { ...user, pendingEmail: email },
      events: [UserEmailChangeRequested({ userId, email })],
    };
  },

  /** Whoever reads the mail to the pending address is this user: from now on it is theirs. */
  confirmEmail(user: ActiveUser, email: Email, at: Instant): Changed<ActiveUser> {
    const { id: userId, email: previous, isEmailVerified } = user;
    const replaced = isEmailVerified
      ? [{ email: previous, until: Instant.plus(at, restorableMs) }]
      : [];
    const formers = [...User.formersAt(user, at), ...replaced];
    return {
      state: { ...user, email, isEmailVerified: true, pendingEmail: undefined, formers },
      events: [UserEmailChanged({ userId, email, previous }), UserEmailVerified({ userId, email })],
    };
  },

  /** The addresses that can take the account back at this time. */
  formersAt: ({ formers }: User, at: Instant): readonly FormerEmail[] =>
    formers.filter(({ until }) => at < until),

  /**
   * Gives the account back to a former address. Those that were replaced before it keep their own time; those after
   * it are void, so that a thief who has changed the address several times cannot take it back in turn.
   */
  restoreEmail(user: ActiveUser, to: FormerEmail): Changed<ActiveUser> {
    const { email } = to;
    const formers = user.formers.slice(0, user.formers.findIndex(isSame(to)));
    return {
      state: { ...user, email, isEmailVerified: true, pendingEmail: undefined, formers },
      events: [UserEmailRestored({ userId: user.id, email, previous: user.email })],
    };
  },

  /** The former address that a token of this change names, while it can take the account back. */
  formerOf: (user: User, named: FormerEmail, at: Instant): FormerEmail | undefined =>
    User.formersAt(user, at).find(isSame(named)),

  /** Asks for the email with the invitation again. */
  invite(user: PresentUser): Result<Changed<InvitedUser>, InvitationAlreadyAccepted> {
    if (user.status !== "invited") return err({ type: "invitation-accepted" });
    return ok({ state: user, events: [UserInvited({ userId: user.id })] });
  },

  /** The invited person has read the email, and has a password. */
  accept(user: InvitedUser): Changed<ActiveUser> {
    const { id: userId, email } = user;
    return {
      state: { ...user, status: "active", isEmailVerified: true },
      events: [InvitationAccepted({ userId }), UserEmailVerified({ userId, email })],
    };
  },

  verifyEmail<U extends PresentUser>(user: U): Changed<U> {
    if (user.isEmailVerified) return unchanged(user);
    return {
      state: { ...user, isEmailVerified: true },
      events: [UserEmailVerified({ userId: user.id, email: user.email })],
    };
  },

  /** Whoever registered themselves is given no role before their address is verified. */
  assignRoles(
    user: PresentUser,
    roles: readonly Role[],
  ): Result<Changed<PresentUser>, EmailUnverified> {
    const wanted = eachOnce(roles);
    if (wanted.join(" ") === eachOnce(user.roles).join(" ")) return ok(unchanged(user));
    const isKnown = user.isEmailVerified || isInvited(user);
    if (!isKnown && wanted.some((role) => !user.roles.includes(role)))
      return err({ type: "email-unverified" });
    return ok({
      state: { ...user, roles: wanted },
      events: [UserRolesChanged({ userId: user.id, roles: wanted })],
    });
  },

  /** Makes an administrator of whoever has the address. No other address can take the account any more. */
  appoint(user: PresentUser): Changed<ActiveUser> {
    const entered = andThen(User.enable(user), (enabled) =>
      enabled.status === "invited" ? User.accept(enabled) : User.verifyEmail(enabled),
    );
    return andThen(entered, (active) => {
      const roles = eachOnce([...active.roles, Role.admin]);
      return {
        state: { ...active, roles, pendingEmail: undefined, formers: [] },
        events: [UserRolesChanged({ userId: user.id, roles })],
      };
    });
  },

  disable(user: PresentUser): Changed<PresentUser> {
    if (user.status === "disabled") return unchanged(user);
    return {
      state: { ...user, status: "disabled", isInvited: isInvited(user) },
      events: [UserDisabled({ userId: user.id })],
    };
  },

  enable(user: PresentUser): Changed<ActiveUser | InvitedUser> {
    if (user.status !== "disabled") return unchanged(user);
    const { isInvited: hasNotAccepted, ...person } = user;
    const status = hasNotAccepted ? "invited" : "active";
    return { state: { ...person, status }, events: [UserEnabled({ userId: user.id })] };
  },

  delete(user: PresentUser, at: Instant): Changed<DeletedUser> {
    return {
      state: {
        ...user,
        status: "deleted",
        deletedAt: at,
        erasedAt: undefined,
        pendingEmail: undefined,
        formers: [],
      },
      events: [UserDeleted({ userId: user.id, deletedAt: at })],
    };
  },

  /** Leaves nothing that tells who it was. */
  erase(user: DeletedUser, at: Instant): Changed<DeletedUser> {
    return {
      state: { ...user, email: erased.email, name: erased.name, erasedAt: at },
      events: [UserErased({ userId: user.id })],
    };
  },

  isAdministrator: (user: User): boolean =>
    user.status === "active" && user.isEmailVerified && user.roles.includes(Role.admin),
};
