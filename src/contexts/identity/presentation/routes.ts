import { Instant } from "#kernel/instant.ts";
import { list, optional, shape, type Infer } from "#kernel/shape.ts";
import { del, get, patch, post, type Route } from "#platform/http/route.ts";
import { DeleteUser } from "../application/delete-user.ts";
import { GetUser } from "../application/get-user.ts";
import { ListUsers, maxPageSize } from "../application/list-users.ts";
import { RegisterUser } from "../application/register-user.ts";
import { UpdateUser } from "../application/update-user.ts";
import { Email } from "../domain/email.ts";
import type { ActiveUser } from "../domain/user.ts";
import { UserId } from "../domain/user-id.ts";
import { UserName } from "../domain/user-name.ts";
import type { Identity } from "../index.ts";

const UserView = shape({ id: UserId, email: Email, name: UserName, createdAt: Instant });

const UserPageView = shape({
  items: list(UserView, maxPageSize),
  nextCursor: optional(UserId),
});

const toView = ({ id, email, name, createdAt }: ActiveUser): Infer<typeof UserView> => ({
  id,
  email,
  name,
  createdAt,
});

const version = (user: ActiveUser) => user.version;

export const identityRoutes = (identity: Identity): readonly Route[] => [
  post("/users", {
    summary: "Register a user",
    input: RegisterUser,
    handle: identity.registerUser,
    success: 201,
    output: UserView,
    present: toView,
    location: ({ id }) => `/users/${id}`,
    version,
    refusals: { "user-already-exists": 409, conflict: 409 },
  }),
  get("/users", {
    summary: "List users",
    description: "In the order of registration. With `email`: only who uses that address.",
    input: ListUsers,
    handle: identity.listUsers,
    success: 200,
    output: UserPageView,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toView) }),
    refusals: {},
  }),
  get("/users/:userId", {
    summary: "Get a user",
    input: GetUser,
    handle: identity.getUser,
    success: 200,
    output: UserView,
    present: toView,
    version,
    refusals: { "user-not-found": 404 },
  }),
  patch("/users/:userId", {
    summary: "Update a user",
    description: "Changes the fields that are given. With `If-Match`: only if nobody else did.",
    input: UpdateUser,
    ifMatch: "expectedVersion",
    handle: identity.updateUser,
    success: 200,
    output: UserView,
    present: toView,
    version,
    refusals: {
      "user-not-found": 404,
      "user-already-exists": 409,
      "precondition-failed": 412,
      conflict: 409,
    },
  }),
  del("/users/:userId", {
    summary: "Delete a user",
    description: "For good. The address is free for others.",
    input: DeleteUser,
    ifMatch: "expectedVersion",
    handle: identity.deleteUser,
    success: 204,
    refusals: { "user-not-found": 404, "precondition-failed": 412, conflict: 409 },
  }),
];
