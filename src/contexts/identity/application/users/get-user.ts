import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import type { Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { User, type PresentUser, type UserNotFound } from "../../domain/user.ts";
import { UserId } from "../../domain/user-id.ts";
import type { IdentityScope } from "../ports.ts";

export const GetUser = shape({ userId: UserId });
export type GetUser = Infer<typeof GetUser>;

type Deps = { readonly read: Read<IdentityScope>; readonly mayAct: MayAct };
type Outcome = Result<PresentUser, UserNotFound | Forbidden>;

export function getUser({ read, mayAct }: Deps) {
  return async ({ userId }: GetUser, context: Context): Promise<Outcome> => {
    const allowed = await mayAct(context, Permissions.readUser, { owner: userId });
    if (!allowed.ok) return allowed;
    return read(context, async ({ users }) => User.present(await users.byId(userId)));
  };
}
