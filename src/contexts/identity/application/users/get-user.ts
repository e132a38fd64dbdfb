import type { Context } from "#kernel/context.ts";
import type { Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { Permission } from "../../domain/role.ts";
import { User, type PresentUser, type UserNotFound } from "../../domain/user.ts";
import { UserId } from "../../domain/user-id.ts";
import type { Forbidden, IdentityScope, MayAct } from "../ports.ts";

export const GetUser = shape({ userId: UserId });
export type GetUser = Infer<typeof GetUser>;

type Deps = { readonly read: Read<IdentityScope>; readonly mayAct: MayAct };
type Outcome = Result<PresentUser, UserNotFound | Forbidden>;

export function getUser({ read, mayAct }: Deps) {
  return async ({ userId }: GetUser, context: Context): Promise<Outcome> => {
    const allowed = await mayAct(context, Permission.readUser, { owner: userId });
    if (!allowed.ok) return allowed;
    return read(context, async ({ users }) => User.present(await users.byId(userId)));
  };
}
