import { type PreconditionFailed, Version } from "#kernel/version.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { User, type LastAdministrator, type UserNotFound } from "../../domain/user.ts";
import { UserId } from "../../domain/user-id.ts";
import { administratorsLock } from "../administrators.ts";
import { endAll } from "../revocation.ts";
import { mayActNow, whileSignedIn, type SignInTooOld } from "../credentials/own-credentials.ts";
import type { IdentityScope } from "../ports.ts";

export const DeleteUser = shape({ userId: UserId, expectedVersion: optional(Version) });
export type DeleteUser = Infer<typeof DeleteUser>;

type Deps = {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};
type Outcome = Result<
  void,
  UserNotFound | PreconditionFailed | LastAdministrator | Forbidden | SignInTooOld | Conflict
>;

/** Deletes a user for good and frees the address. */
export function deleteUser(deps: Deps) {
  const { clock } = deps;
  return async ({ userId, expectedVersion }: DeleteUser, context: Context): Promise<Outcome> => {
    const allowed = await mayActNow(deps, context, Permissions.deleteUser, { owner: userId });
    if (!allowed.ok) return allowed;

    return whileSignedIn(deps)(
      context,
      async ({ users, sessions }) => {
        const found = User.expected(await users.byId(userId), expectedVersion);
        if (!found.ok) return found;
        if (!(await users.isAdministeredWithout(userId)))
          return err({ type: "last-administrator" });

        const at = clock.now();
        await endAll(sessions, userId, { at, why: "deleted" });
        users.save(User.delete(found.value, at));
        return ok(undefined);
      },
      { lock: [administratorsLock, userId] },
    );
  };
}
