import type { Context } from "#kernel/context.ts";
import { ok, type Result } from "#kernel/result.ts";
import { branded, optional, shape, type Brand, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { Email } from "../domain/email.ts";
import { Permission } from "../domain/role.ts";
import type { PresentUser } from "../domain/user.ts";
import { UserId } from "../domain/user-id.ts";
import type { Forbidden, IdentityScope, MayAct } from "./ports.ts";

export const maxPageSize = 100;
const defaultPageSize = 20;

/** How many users one page holds at most. */
type PageSize = Brand<number, "PageSize">;
const PageSize = branded<PageSize>("page size", {
  schema: { type: "integer", minimum: 1, maximum: maxPageSize },
});

/** `cursor` is the last user of the page before. With `email`: only who uses that address. */
export const ListUsers = shape({
  email: optional(Email),
  limit: optional(PageSize),
  cursor: optional(UserId),
});
export type ListUsers = Infer<typeof ListUsers>;

export type UserPage = {
  readonly items: readonly PresentUser[];
  /** Where the next page starts; missing on the last one. */
  readonly nextCursor?: UserId;
};

type Deps = { readonly read: Read<IdentityScope>; readonly mayAct: MayAct };

/** Users in the order of their registration. */
export function listUsers({ read, mayAct }: Deps) {
  return async (query: ListUsers, context: Context): Promise<Result<UserPage, Forbidden>> => {
    const allowed = await mayAct(context, Permission.listUsers);
    if (!allowed.ok) return allowed;

    return read(context, async ({ users }) => {
      const { email, limit = defaultPageSize, cursor } = query;
      if (email !== undefined) {
        const user = await users.byEmail(email);
        return ok({ items: user ? [user] : [] });
      }
      const found = await users.page({ after: cursor, limit: limit + 1 });
      const items = found.slice(0, limit);
      const last = items.at(-1);
      return ok(found.length > limit && last ? { items, nextCursor: last.id } : { items });
    });
  };
}
