import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Version } from "#kernel/version.ts";
import { User, type PreconditionFailed, type UserNotFound } from "../domain/user.ts";
import { UserId } from "../domain/user-id.ts";
import type { IdentityScope } from "./ports.ts";

export const DeleteUser = shape({ userId: UserId, expectedVersion: optional(Version) });
export type DeleteUser = Infer<typeof DeleteUser>;

type Deps = { readonly unitOfWork: UnitOfWork<IdentityScope>; readonly clock: Clock };
type Outcome = Result<void, UserNotFound | PreconditionFailed | Conflict>;

/** Deletes an active user for good; whoever registers next may use the address. */
export function deleteUser({ unitOfWork, clock }: Deps) {
  return ({ userId, expectedVersion }: DeleteUser, context: Context): Promise<Outcome> =>
    unitOfWork(context, async ({ users }) => {
      const found = User.expected(await users.byId(userId), expectedVersion);
      if (!found.ok) return found;

      users.save(User.delete(found.value, clock.now()));
      return ok(undefined);
    });
}
