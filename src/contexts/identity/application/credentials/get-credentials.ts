import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import { ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import type { Credentials } from "../../domain/credentials.ts";
import { User, type UserNotFound } from "../../domain/user.ts";
import { UserId } from "../../domain/user-id.ts";
import type { IdentityScope } from "../ports.ts";

export const GetCredentials = shape({ userId: UserId });
export type GetCredentials = Infer<typeof GetCredentials>;

type Deps = { readonly read: Read<IdentityScope>; readonly mayAct: MayAct };

/** Gets the credentials of a user, without any secret. */
export function getCredentials({ read, mayAct }: Deps) {
  return async (
    { userId }: GetCredentials,
    context: Context,
  ): Promise<Result<Credentials, UserNotFound | Forbidden>> => {
    const allowed = await mayAct(context, Permissions.readCredentials, { owner: userId });
    if (!allowed.ok) return allowed;
    return read(context, async ({ users, credentials }) => {
      const user = User.present(await users.byId(userId));
      return user.ok ? ok(await credentials.byUser(userId)) : user;
    });
  };
}
