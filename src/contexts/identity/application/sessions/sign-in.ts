import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Code, Credentials, type CodeRefused } from "../../domain/credentials.ts";
import { Email } from "../../domain/email.ts";
import type { Factor } from "../../domain/factor.ts";
import { Password } from "../../domain/password.ts";
import type { SessionLimits } from "../../domain/session.ts";
import type { PresentUser } from "../../domain/user.ts";
import type { UserId } from "../../domain/user-id.ts";
import { acceptPassword, type PasswordTooCommon } from "../credentials/accept-password.ts";
import { endAll } from "../revocation.ts";
import type {
  AccessTokens,
  IdentityScope,
  IsCommonPassword,
  Passwords,
  RecoveryCodes,
  Sealing,
  TooBusy,
  Tokens,
  TotpCodes,
} from "../ports.ts";
import { asAskedNow, makeRoom, startSession, tokensOf, type SignedIn } from "./start-session.ts";

/** `code`: of the second factor, or a recovery code. `newPassword`: replaces the one given. */
export const SignIn = shape({
  email: Email,
  password: Password,
  code: optional(Code),
  newPassword: optional(Password),
});
export type SignIn = Infer<typeof SignIn>;

/** The address is unknown, the password wrong or the user disabled; the answer does not say which. */
export type SignInRefused = { readonly type: "sign-in-refused" };
/** The password is right; it takes a `code` too. */
export type SecondFactorRequired = { readonly type: "second-factor-required" };
/** The password was made by the system: it works once, together with a `newPassword`. */
export type NewPasswordRequired = { readonly type: "new-password-required" };

export type SecondFactors = {
  readonly totpCodes: TotpCodes;
  readonly recoveryCodes: RecoveryCodes;
  readonly sealing: Sealing;
};
type Deps = SecondFactors & {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly read: Read<IdentityScope>;
  readonly passwords: Passwords;
  readonly isCommonPassword: IsCommonPassword;
  readonly accessTokens: AccessTokens;
  readonly tokens: Tokens;
  readonly sessionLimits: SessionLimits;
  readonly clock: Clock;
  readonly newId: NewId;
};
type Refusal =
  | SignInRefused
  | SecondFactorRequired
  | NewPasswordRequired
  | PasswordTooCommon
  | CodeRefused
  | TooBusy
  | Conflict;

/** The credentials of no user, read so that an unknown address takes as long as a known one. */
const nobody = "user_00000000000000000000000000" as UserId;

/** Starts a session with a password and, where it is active, the second factor. */
export function signIn(deps: Deps) {
  const accept = acceptPassword(deps);
  const { unitOfWork, read, passwords, clock } = deps;

  return async (
    { email, password, code, newPassword }: SignIn,
    context: Context,
  ): Promise<Result<SignedIn, Refusal>> => {
    let user: PresentUser | undefined;
    let shown = Credentials.none(nobody);
    const verdict = await passwords.verify(password, () =>
      read(context, async ({ users, credentials }) => {
        user = await users.byEmail(email);
        shown = await credentials.byUser(user?.id ?? nobody);
        return shown.password;
      }),
    );
    if (!verdict.ok) return verdict;
    if (user?.status !== "active" || !verdict.value.matches)
      return err({ type: "sign-in-refused" });
    if (shown.isInitial && (newPassword === undefined || newPassword === password))
      return err({ type: "new-password-required" });
    const next =
      newPassword !== undefined
        ? await accept(newPassword, email)
        : verdict.value.outdated
          ? await passwords.hash(password)
          : ok(undefined);
    if (!next.ok) return next;

    const userId = user.id;
    const asThem = { ...asAskedNow(context), actor: userId };
    const started = await unitOfWork(
      asThem,
      async (scope) => {
        const current = await scope.credentials.byUser(userId);
        const now = await scope.users.byId(userId);
        if (now?.status !== "active" || current.password !== shown.password)
          return err({ type: "sign-in-refused" });
        const second = useSecondFactor(current, code, deps);
        if (!second.ok) return second;

        const { state, events, factor } = second.value;
        const why =
          newPassword === undefined
            ? "new-parameters"
            : current.isInitial
              ? "registration"
              : "change";
        const replaced = next.value && Credentials.setPassword(state, next.value, why);
        const saved = [...events, ...(replaced?.events ?? [])];
        if (saved.length > 0)
          scope.credentials.save({ state: replaced?.state ?? state, events: saved });
        const at = clock.now();
        if (newPassword === undefined) await makeRoom(scope.sessions, userId, at);
        else await endAll(scope.sessions, userId, { at, why: "password-set" });
        const factors: readonly Factor[] = factor ? ["password", factor] : ["password"];
        return ok(startSession(scope, deps, context, { userId, factors }));
      },
      { lock: [userId] },
    );
    return started.ok ? ok(await tokensOf(deps)(started.value)) : started;
  };
}

type Used = ReturnType<typeof Credentials.setPassword> & { readonly factor?: Factor };

function useSecondFactor(
  credentials: Credentials,
  code: Code | undefined,
  { totpCodes, recoveryCodes, sealing, clock }: SecondFactors & { readonly clock: Clock },
): Result<Used, SecondFactorRequired | CodeRefused> {
  const { totp, userId } = credentials;
  if (!totp || !Credentials.owesSecondFactor(credentials))
    return ok({ state: credentials, events: [] });
  if (code === undefined) return err({ type: "second-factor-required" });

  const step = totpCodes.stepOf(sealing.open(totp.secret, userId), code, clock.now());
  const used =
    step === undefined
      ? Credentials.useRecoveryCode(credentials, recoveryCodes.hashOf(code))
      : Credentials.useTotp(credentials, step);
  if (!used.ok) return used;
  return ok({ ...used.value, factor: step === undefined ? "recovery-code" : "totp" });
}
