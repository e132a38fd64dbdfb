import type { Context } from "#kernel/context.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import { UserId } from "../../domain/user-id.ts";
import type { Clock } from "#kernel/instant.ts";
import { err, ok, type Ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Email } from "../../domain/email.ts";
import { EmailVerificationRequested, PasswordResetRequested } from "../../domain/events.ts";
import { User, type UserAlreadyExists } from "../../domain/user.ts";
import type { IdentityScope, Tokens } from "../ports.ts";
import { Token, VerifyEmailToken, type TokenRefused } from "../tokens.ts";

export const RequestEmail = shape({ email: Email });
export type RequestEmail = Infer<typeof RequestEmail>;

export const VerifyEmail = shape({ token: Token });
export type VerifyEmail = Infer<typeof VerifyEmail>;

type Requests = { readonly unitOfWork: UnitOfWork<IdentityScope> };
type Deps = Requests & {
  readonly mayAct: MayAct;
  readonly tokens: Tokens;
  readonly clock: Clock;
};

/**
 * Asks for an email with a token. Whether anybody uses the address is looked up after the answer:
 * neither what it says nor how long it takes tells.
 */
const request =
  (asked: typeof PasswordResetRequested | typeof EmailVerificationRequested) =>
  ({ unitOfWork }: Requests) =>
  ({ email }: RequestEmail, context: Context): Promise<Ok<void> | Result<void, Conflict>> =>
    unitOfWork(context, async ({ emailRequests }) => {
      emailRequests.add(asked({ email }));
      return ok(undefined);
    });

export const requestPasswordReset = request(PasswordResetRequested);
export const requestEmailVerification = request(EmailVerificationRequested);

/**
 * Takes the token of an email as proof that the address, or the one they asked for, belongs to the user who is signed
 * in. Whoever only
 * reads the mail has not registered, perhaps, and sets a password instead.
 */
export function verifyEmail({ unitOfWork, mayAct, tokens, clock }: Deps) {
  return async (
    { token }: VerifyEmail,
    context: Context,
  ): Promise<Result<void, TokenRefused | UserAlreadyExists | Forbidden | Conflict>> => {
    const owner = UserId.parse(context.actor);
    const own = { owner: owner.ok ? owner.value : undefined };
    const allowed = await mayAct(context, Permissions.verifyEmail, own);
    if (!allowed.ok) return allowed;
    const claims = tokens.read(VerifyEmailToken, token);
    const isTheirs = claims?.userId === context.actor && claims.expiresAt > clock.now();
    if (!claims || !isTheirs) return err({ type: "token-refused" });

    return unitOfWork(context, async ({ users }) => {
      const { userId, email } = claims;
      const user = await users.byId(userId);
      if (user?.status !== "active") return err({ type: "token-refused" });
      if (user.email === email) {
        users.save(User.verifyEmail(user));
        return ok(undefined);
      }
      if (user.pendingEmail !== email) return err({ type: "token-refused" });
      const at = clock.now();
      const holder = await users.holderOf(email, at);
      if (holder !== undefined && holder !== userId)
        return err({ type: "user-already-exists", email });
      users.save(User.confirmEmail(user, email, at));
      return ok(undefined);
    });
  };
}
