import { type PreconditionFailed, Version } from "#kernel/version.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import { andThen, unchanged } from "#kernel/change.ts";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Email } from "../../domain/email.ts";
import {
  User,
  type PresentUser,
  type UserAlreadyExists,
  type UserNotFound,
} from "../../domain/user.ts";
import { UserId } from "../../domain/user-id.ts";
import { UserName } from "../../domain/user-name.ts";
import { mayActNow, whileSignedIn, type SignInTooOld } from "../credentials/own-credentials.ts";
import type { IdentityScope } from "../ports.ts";

export const UpdateUser = shape({
  userId: UserId,
  name: optional(UserName),
  email: optional(Email),
  expectedVersion: optional(Version),
});
export type UpdateUser = Infer<typeof UpdateUser>;

type Deps = {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};
type Outcome = Result<
  PresentUser,
  UserNotFound | UserAlreadyExists | PreconditionFailed | Forbidden | SignInTooOld | Conflict
>;

/**
 * Renames a user, asks for another address, or both at once. The address counts once its owner has confirmed it, whoever
 * asks for it.
 */
export function updateUser(deps: Deps) {
  const { unitOfWork, mayAct, clock } = deps;
  return async (
    { userId, name, email, expectedVersion }: UpdateUser,
    context: Context,
  ): Promise<Outcome> => {
    const allowed = await mayAct(context, Permissions.updateUser, { owner: userId });
    if (!allowed.ok) return allowed;
    if (email !== undefined) {
      // A reader of the user's mail can set their password.
      const owner = { owner: userId };
      const mayMove = await mayActNow(deps, context, Permissions.changeEmail, owner);
      if (!mayMove.ok) return mayMove;
    }

    const units = email === undefined ? unitOfWork : whileSignedIn(deps);
    return units(
      context,
      async ({ users }) => {
        const found = User.expected(await users.byId(userId), expectedVersion);
        if (!found.ok) return found;
        const user = found.value;

        if (email !== undefined) {
          const holder = await users.holderOf(email, clock.now());
          if (holder !== undefined && holder !== userId)
            return err({ type: "user-already-exists", email });
        }

        const renamed = name === undefined ? unchanged(user) : User.rename(user, name);
        const updated = andThen(renamed, (state) =>
          email === undefined ? unchanged(state) : User.changeEmail(state, email),
        );
        return ok(users.save(updated));
      },
      { lock: [userId] },
    );
  };
}
