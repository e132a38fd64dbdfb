import type { Context } from "#kernel/context.ts";
import { err } from "#kernel/result.ts";
import { Flag } from "#kernel/scalars.ts";
import { Instant } from "#kernel/instant.ts";
import { list, oneOf, optional, named, shape, type Infer } from "#kernel/shape.ts";
import { del, get, patch, post, put, type Route } from "#platform/http/route.ts";
import {
  AssignRoles,
  ResendInvitation,
  SetUserStatus,
} from "../application/users/administer-users.ts";
import { DeleteUser } from "../application/users/delete-user.ts";
import { GetUser } from "../application/users/get-user.ts";
import { ListUsers, UserPageSize } from "../application/users/list-users.ts";
import { RegisterUser } from "../application/users/register-user.ts";
import { UpdateUser } from "../application/users/update-user.ts";
import { Email } from "../domain/email.ts";
import { Role } from "../domain/role.ts";
import type { PresentUser, UserNotFound } from "../domain/user.ts";
import { UserId } from "../domain/user-id.ts";
import { UserName } from "../domain/user-name.ts";
import type { Identity } from "../index.ts";

const maxRoles = 20;
const Nothing = shape({});

export const UserView = named(
  "User",
  shape({
    id: UserId,
    email: Email,
    emailVerified: Flag,
    pendingEmail: optional(Email),
    name: UserName,
    status: oneOf("active", "invited", "disabled"),
    roles: list(Role, maxRoles),
    createdAt: Instant,
  }),
);

const UserPageView = named(
  "UserPage",
  shape({
    items: list(UserView, UserPageSize.most),
    nextCursor: optional(UserId),
  }),
);

export const toUserView = (user: PresentUser): Infer<typeof UserView> => {
  const { id, email, isEmailVerified, pendingEmail, name, status, roles, createdAt } = user;
  return {
    id,
    email,
    emailVerified: isEmailVerified,
    ...(pendingEmail === undefined ? {} : { pendingEmail }),
    name,
    status,
    roles,
    createdAt,
  };
};

const version = (user: PresentUser) => user.version;

const registrationRoutes = (identity: Identity): readonly Route[] => [
  post("/users", {
    access: "anyone",
    attempts: { name: "registration" },
    id: "registerUser",
    summary: "Register a user",
    description:
      "With a `password`, creates an account for the caller. Without one, the request is an " +
      "invitation, which requires the permission `users:invite`; the invited person chooses " +
      "a password with a token from an email.",
    input: RegisterUser,
    handle: identity.registerUser,
    success: 201,
    output: UserView,
    present: toUserView,
    location: ({ id }) => `/users/${id}`,
    version,
    refusals: {
      "user-already-exists": 409,
      "password-too-common": 422,
      "too-busy": 429,
      forbidden: 403,
      conflict: 409,
    },
  }),
  post("/users/:userId/invitation", {
    access: "signed-in",
    attempts: { name: "invitation", account: "userId" },
    id: "sendInvitationAgain",
    summary: "Send an invitation again",
    description:
      "Sends another email with a link that is good for `BASALT_INVITATION_DAYS`. Links of earlier emails go on " +
      "working until they expire.",
    input: ResendInvitation,
    handle: identity.resendInvitation,
    success: 202,
    refusals: {
      "user-not-found": 404,
      "invitation-accepted": 409,
      forbidden: 403,
      conflict: 409,
    },
  }),
];

const shown = (identity: Identity): readonly Route[] => [
  get("/me", {
    access: "signed-in",
    id: "getMe",
    summary: "Get the user who is signed in",
    description: "Returns the caller; for an API key, the owner of the key.",
    input: Nothing,
    handle: async (_nothing: Infer<typeof Nothing>, context: Context) => {
      const userId = UserId.parse(context.actor);
      if (!userId.ok) return err<UserNotFound>({ type: "user-not-found" });
      return identity.getUser({ userId: userId.value }, context);
    },
    success: 200,
    output: UserView,
    present: toUserView,
    version,
    refusals: { "user-not-found": 404, forbidden: 403 },
  }),
  get("/users/:userId", {
    access: "signed-in",
    id: "getUser",
    summary: "Get a user",
    input: GetUser,
    handle: identity.getUser,
    success: 200,
    output: UserView,
    present: toUserView,
    version,
    refusals: { "user-not-found": 404, forbidden: 403 },
  }),
];

/** Registration, invitations, and operations of users on their own account. */
export const userRoutes = (identity: Identity): readonly Route[] => [
  ...registrationRoutes(identity),
  ...shown(identity),
  patch("/users/:userId", {
    access: "signed-in",
    attempts: { name: "email-change", account: "actor", when: "email" },
    id: "updateUser",
    summary: "Update a user",
    description:
      "Changes only the fields in the request. With `If-Match`, the request is refused if " +
      "the user was changed in between. A new address requires a sign-in within the last 15 " +
      "minutes. It is the `pendingEmail` until its owner confirms it with an emailed token; the " +
      "current address withdraws it.",
    input: UpdateUser,
    handle: identity.updateUser,
    success: 200,
    output: UserView,
    present: toUserView,
    version,
    refusals: {
      "user-not-found": 404,
      "user-already-exists": 409,
      "precondition-failed": 412,
      forbidden: 403,
      "sign-in-too-old": 403,
      conflict: 409,
    },
  }),
  del("/users/:userId", {
    access: "signed-in",
    id: "deleteUser",
    summary: "Delete a user",
    description:
      "Deletes a user for good and frees the address. Requires a sign-in within the last 15 " +
      "minutes.",
    input: DeleteUser,
    handle: identity.deleteUser,
    success: 204,
    refusals: {
      "user-not-found": 404,
      "precondition-failed": 412,
      "last-administrator": 409,
      forbidden: 403,
      "sign-in-too-old": 403,
      conflict: 409,
    },
  }),
];

/** Operations of administrators on users. */
export const userAdministrationRoutes = (identity: Identity): readonly Route[] => [
  get("/users", {
    access: "signed-in",
    id: "listUsers",
    summary: "List users",
    description: "Users, oldest first. `email` returns only the user with that address.",
    input: ListUsers,
    handle: identity.listUsers,
    success: 200,
    output: UserPageView,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toUserView) }),
    refusals: { forbidden: 403 },
  }),
  put("/users/:userId/status", {
    access: "signed-in",
    id: "disableOrEnableUser",
    summary: "Disable or enable a user",
    description:
      "A disabled user is signed out everywhere from the next request on, and their API keys are revoked.",
    input: SetUserStatus,
    handle: identity.setUserStatus,
    success: 200,
    output: UserView,
    present: toUserView,
    version,
    refusals: {
      "user-not-found": 404,
      "precondition-failed": 412,
      "last-administrator": 409,
      forbidden: 403,
      "sign-in-too-old": 403,
      conflict: 409,
    },
  }),
  put("/users/:userId/roles", {
    access: "signed-in",
    id: "assignRolesToUser",
    summary: "Assign roles to a user",
    description:
      "Replaces all roles of the user. Users who registered themselves get no role before their " +
      "address is verified.",
    input: AssignRoles,
    handle: identity.assignRoles,
    success: 200,
    output: UserView,
    present: toUserView,
    version,
    refusals: {
      "user-not-found": 404,
      "unknown-role": 422,
      "email-unverified": 403,
      "precondition-failed": 412,
      "last-administrator": 409,
      forbidden: 403,
      "sign-in-too-old": 403,
      conflict: 409,
    },
  }),
];
