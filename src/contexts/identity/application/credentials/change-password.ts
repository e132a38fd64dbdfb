import type { Forbidden } from "#kernel/permission.ts";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Credentials } from "../../domain/credentials.ts";
import { Password } from "../../domain/password.ts";
import { User, type UserNotFound } from "../../domain/user.ts";
import { UserId } from "../../domain/user-id.ts";
import { acceptPassword, type PasswordTooCommon } from "./accept-password.ts";
import { endAll } from "../revocation.ts";
import { whileSignedIn, ownCredentials, type SignInTooOld } from "./own-credentials.ts";
import type { IdentityScope, IsCommonPassword, Passwords, TooBusy } from "../ports.ts";

export const ChangePassword = shape({
  userId: UserId,
  currentPassword: Password,
  newPassword: Password,
});
export type ChangePassword = Infer<typeof ChangePassword>;

export type WrongPassword = { readonly type: "wrong-password" };

type Deps = {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly read: Read<IdentityScope>;
  readonly passwords: Passwords;
  readonly isCommonPassword: IsCommonPassword;
  readonly clock: Clock;
};
type Outcome = Result<
  void,
  Forbidden | SignInTooOld | UserNotFound | WrongPassword | PasswordTooCommon | TooBusy | Conflict
>;

/**
 * Replaces one's own password, and ends all sessions but this one. It also withdraws a pending change of the email address, which a
 * thief of the old password may have requested.
 */
export function changePassword(deps: Deps) {
  const accept = acceptPassword(deps);
  const { read, passwords, clock } = deps;
  return async (
    { userId, currentPassword, newPassword }: ChangePassword,
    context: Context,
  ): Promise<Outcome> => {
    const allowed = ownCredentials(context, userId, clock);
    if (!allowed.ok) return allowed;
    const { user, shown } = await read(context, async ({ users, credentials }) => ({
      user: User.present(await users.byId(userId)),
      shown: await credentials.byUser(userId),
    }));
    if (!user.ok) return user;
    const verdict = await passwords.verify(currentPassword, async () => shown.password);
    if (!verdict.ok) return verdict;
    if (!verdict.value.matches) return err({ type: "wrong-password" });
    const hash = await accept(newPassword, user.value.email);
    if (!hash.ok) return hash;

    return whileSignedIn(deps)(
      context,
      async ({ users, credentials, sessions }) => {
        const present = User.present(await users.byId(userId));
        if (!present.ok) return present;
        const current = await credentials.byUser(userId);
        if (current.password !== shown.password) return err({ type: "wrong-password" });
        credentials.save(Credentials.setPassword(current, hash.value, "change"));
        users.save(User.changeEmail(present.value, present.value.email));
        const { credential: except } = context;
        await endAll(sessions, userId, { at: clock.now(), why: "password-set", except });
        return ok(undefined);
      },
      { lock: [userId] },
    );
  };
}
