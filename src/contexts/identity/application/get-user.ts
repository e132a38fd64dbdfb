import type { Context } from "#kernel/context.ts";
import type { Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { User, type ActiveUser, type UserNotFound } from "../domain/user.ts";
import { UserId } from "../domain/user-id.ts";
import type { IdentityScope } from "./ports.ts";

export const GetUser = shape({ userId: UserId });
export type GetUser = Infer<typeof GetUser>;

type Deps = { readonly read: Read<IdentityScope> };
type Outcome = Result<ActiveUser, UserNotFound>;

export function getUser({ read }: Deps) {
  return ({ userId }: GetUser, context: Context): Promise<Outcome> =>
    read(context, async ({ users }) => User.active(await users.byId(userId)));
}
