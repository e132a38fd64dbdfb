import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Credentials } from "../../domain/credentials.ts";
import { Email } from "../../domain/email.ts";
import { Password } from "../../domain/password.ts";
import { User, type PresentUser, type UserAlreadyExists } from "../../domain/user.ts";
import { UserId } from "../../domain/user-id.ts";
import { UserName } from "../../domain/user-name.ts";
import { acceptPassword, type PasswordTooCommon } from "../credentials/accept-password.ts";
import type { IdentityScope, IsCommonPassword, Passwords, TooBusy } from "../ports.ts";

/** Without a `password` it is an invitation: the user sets one with the emailed token. */
export const RegisterUser = shape({
  email: Email,
  name: UserName,
  password: optional(Password),
});
export type RegisterUser = Infer<typeof RegisterUser>;

/** Whether everybody may register, or only invited users. */
export type Registration = "open" | "invited";

type Deps = {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly mayAct: MayAct;
  readonly passwords: Passwords;
  readonly isCommonPassword: IsCommonPassword;
  readonly registration: Registration;
  readonly clock: Clock;
  readonly newId: NewId;
};
type Outcome = Result<
  PresentUser,
  UserAlreadyExists | PasswordTooCommon | Forbidden | TooBusy | Conflict
>;

/** Registers the caller with a password, or invites another person. */
export function registerUser(deps: Deps) {
  const accept = acceptPassword(deps);
  const { unitOfWork, mayAct, registration, clock, newId } = deps;
  return async ({ email, name, password }: RegisterUser, context: Context): Promise<Outcome> => {
    if (password === undefined || registration === "invited") {
      const allowed = await mayAct(context, Permissions.inviteUser);
      if (!allowed.ok) return allowed;
    }
    const hash = password === undefined ? ok(undefined) : await accept(password, email);
    if (!hash.ok) return hash;

    return unitOfWork(context, async ({ users, credentials }) => {
      const at = clock.now();
      if (await users.holderOf(email, at)) return err({ type: "user-already-exists", email });

      const id = newId(UserId);
      const by = password === undefined ? "invitation" : "self";
      const user = users.save(User.register({ id, email, name, by, at }));
      if (hash.value !== undefined)
        credentials.save(Credentials.setPassword(Credentials.none(id), hash.value, "registration"));
      return ok(user);
    });
  };
}
