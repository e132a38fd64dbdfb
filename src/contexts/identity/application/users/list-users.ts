import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import { pageOf, pageSize, type Page } from "#kernel/page.ts";
import { ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { Email } from "../../domain/email.ts";
import type { PresentUser } from "../../domain/user.ts";
import { UserId } from "../../domain/user-id.ts";
import type { IdentityScope } from "../ports.ts";

export const UserPageSize = pageSize({ usual: 20, most: 100 });

/** `cursor` is the last user of the previous page. With `email`, only the user with that address. */
export const ListUsers = shape({
  email: optional(Email),
  limit: optional(UserPageSize),
  cursor: optional(UserId),
});
export type ListUsers = Infer<typeof ListUsers>;

export type UserPage = Page<PresentUser, UserId>;

type Deps = { readonly read: Read<IdentityScope>; readonly mayAct: MayAct };

/** Users in the order of their registration. */
export function listUsers({ read, mayAct }: Deps) {
  return async (query: ListUsers, context: Context): Promise<Result<UserPage, Forbidden>> => {
    const allowed = await mayAct(context, Permissions.listUsers);
    if (!allowed.ok) return allowed;

    return read(context, async ({ users }) => {
      const { email, limit = UserPageSize.usual, cursor } = query;
      if (email !== undefined) {
        const user = await users.byEmail(email);
        return ok({ items: user ? [user] : [] });
      }
      const found = await users.page({ after: cursor, limit: limit + 1 });
      return ok(pageOf(found, limit, ({ id }) => id));
    });
  };
}
