import { andThen } from "#kernel/change.ts";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Credentials } from "../../domain/credentials.ts";
import type { Email } from "../../domain/email.ts";
import { Password } from "../../domain/password.ts";
import { User } from "../../domain/user.ts";
import { acceptPassword, type PasswordTooCommon } from "./accept-password.ts";
import { endAll, revokeAll } from "../revocation.ts";
import type { IdentityScope, IsCommonPassword, Passwords, TooBusy, Tokens } from "../ports.ts";
import { SetPasswordToken, Token, type TokenRefused } from "../tokens.ts";

export const SetPassword = shape({ token: Token, password: Password });
export type SetPassword = Infer<typeof SetPassword>;

type Deps = {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly read: Read<IdentityScope>;
  readonly passwords: Passwords;
  readonly isCommonPassword: IsCommonPassword;
  readonly tokens: Tokens;
  readonly clock: Clock;
};
type Outcome = Result<
  { readonly email: Email },
  TokenRefused | PasswordTooCommon | TooBusy | Conflict
>;

/**
 * Sets the password of whoever got the token by email, which also shows that the address is theirs.
 * Ends all their sessions, starts none and revokes their API keys: somebody else may have had the old one. The
 * second factor is still asked for. Where the address was not verified before, passkeys go too.
 */
export function setPassword(deps: Deps) {
  const accept = acceptPassword(deps);
  const { unitOfWork, read, tokens, clock } = deps;
  return async ({ token, password }: SetPassword, context: Context): Promise<Outcome> => {
    const claims = tokens.read(SetPasswordToken, token);
    if (!claims || claims.expiresAt <= clock.now()) return err({ type: "token-refused" });
    const { userId, email, credentialsVersion } = claims;
    const known = await read(context, ({ users }) => users.byId(userId));
    if (known?.status !== "active") return err({ type: "token-refused" });
    const hash = await accept(password, email);
    if (!hash.ok) return hash;

    return unitOfWork(
      { ...context, actor: userId },
      async ({ users, credentials, sessions, apiKeys }) => {
        const user = await users.byId(userId);
        const current = await credentials.byUser(userId);
        const isSame = current.version === credentialsVersion && user?.email === email;
        if (user?.status !== "active" || !isSame) return err({ type: "token-refused" });

        const at = clock.now();
        const why = current.password === undefined ? "registration" : "reset";
        const change = Credentials.setPassword(current, hash.value, why);
        if (user.isEmailVerified) credentials.save(change);
        else {
          // Until now, whoever registered need not have been the owner of the address.
          credentials.save(andThen(change, Credentials.removePasskeys));
          users.save(User.verifyEmail(user));
        }
        await revokeAll(apiKeys, userId, at);
        await endAll(sessions, userId, { at, why: "password-set" });
        return ok({ email });
      },
      { lock: [userId] },
    );
  };
}
