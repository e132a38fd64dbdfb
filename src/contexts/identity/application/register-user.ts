import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Email } from "../domain/email.ts";
import { User, type ActiveUser, type UserAlreadyExists } from "../domain/user.ts";
import { UserId } from "../domain/user-id.ts";
import { UserName } from "../domain/user-name.ts";
import type { IdentityScope } from "./ports.ts";

export const RegisterUser = shape({ email: Email, name: UserName });
export type RegisterUser = Infer<typeof RegisterUser>;

type Deps = {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly clock: Clock;
  readonly newId: NewId;
};
type Outcome = Result<ActiveUser, UserAlreadyExists | Conflict>;

/** Adds a person. Refuses an address that somebody uses already. */
export function registerUser({ unitOfWork, clock, newId }: Deps) {
  return ({ email, name }: RegisterUser, context: Context): Promise<Outcome> =>
    unitOfWork(context, async ({ users }) => {
      if (await users.byEmail(email)) return err({ type: "user-already-exists", email });

      const registered = User.register({ id: newId(UserId), email, name, at: clock.now() });
      return ok(users.save(registered));
    });
}
