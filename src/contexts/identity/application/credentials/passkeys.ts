import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { err, ok, type Ok, type Result } from "#kernel/result.ts";
import {
  branded,
  oneOf,
  openShape,
  optional,
  orNull,
  shape,
  type Brand,
  type Infer,
} from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import {
  Credentials,
  PasskeyName,
  type PasskeyNotFound,
  type PasskeyRefused,
  type TooManyPasskeys,
} from "../../domain/credentials.ts";
import { SessionId } from "../../domain/ids.ts";
import type { SessionLimits } from "../../domain/session.ts";
import { User, type UserNotFound, type EmailUnverified } from "../../domain/user.ts";
import { UserId } from "../../domain/user-id.ts";
import { whileSignedIn, mayActNow, ownCredentials, type SignInTooOld } from "./own-credentials.ts";
import type { AccessTokens, IdentityScope, PasskeyCeremonies, Tokens } from "../ports.ts";
import type { SignInRefused } from "../sessions/sign-in.ts";
import {
  asAskedNow,
  makeRoom,
  startSession,
  tokensOf,
  type SignedIn,
} from "../sessions/start-session.ts";
import { ceremonyMs, PasskeyAdditionChallenge, PasskeySignInChallenge } from "../tokens.ts";

/** As the authenticator made it: base64url. */
export type PasskeyId = Brand<string, "PasskeyId">;
export const PasskeyId = branded<PasskeyId>("passkey id", {
  schema: { type: "string", pattern: "^[\\w-]{1,1400}$", maxLength: 1_400 },
  says: "base64url text",
});

const Bytes = branded<string>("base64url text", {
  schema: { type: "string", pattern: "^[\\w-]*={0,2}$", maxLength: 100_000 },
  says: "base64url text",
});
const credential = { id: PasskeyId, type: oneOf("public-key") };

/** What a browser answers, as far as it is read here. Source: WebAuthn level 3, 5.1. */
const Addition = openShape({
  ...credential,
  response: openShape({ clientDataJSON: Bytes, attestationObject: Bytes }),
});
const SignIn = openShape({
  ...credential,
  response: openShape({
    clientDataJSON: Bytes,
    authenticatorData: Bytes,
    signature: Bytes,
    userHandle: optional(orNull(Bytes)),
  }),
});

export const BeginPasskey = shape({ userId: UserId });
export type BeginPasskey = Infer<typeof BeginPasskey>;

export const AddPasskey = shape({ userId: UserId, name: PasskeyName, response: Addition });
export type AddPasskey = Infer<typeof AddPasskey>;

export const RemovePasskey = shape({ userId: UserId, passkeyId: PasskeyId });
export type RemovePasskey = Infer<typeof RemovePasskey>;

export const BeginPasskeySignIn = shape({});

export const SignInWithPasskey = shape({ response: SignIn });
export type SignInWithPasskey = Infer<typeof SignInWithPasskey>;

type Json = { readonly [field: string]: unknown };
type Deps = {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly read: Read<IdentityScope>;
  readonly mayAct: MayAct;
  readonly passkeyCeremonies: PasskeyCeremonies;
  readonly accessTokens: AccessTokens;
  readonly tokens: Tokens;
  readonly sessionLimits: SessionLimits;
  readonly clock: Clock;
  readonly newId: NewId;
};
type Refused = Forbidden | SignInTooOld;

/** The options with which a browser makes a passkey for the signed-in user. */
export function beginPasskey({ read, passkeyCeremonies, tokens, clock }: Deps) {
  return async (
    { userId }: BeginPasskey,
    context: Context,
  ): Promise<Result<Json, UserNotFound | EmailUnverified | Refused>> => {
    const allowed = ownCredentials(context, userId, clock);
    if (!allowed.ok) return allowed;
    return read(context, async ({ users, credentials }) => {
      const user = User.verified(await users.byId(userId));
      if (!user.ok) return user;
      const { passkeys, version } = await credentials.byUser(userId);
      const expiresAt = Instant.plus(clock.now(), ceremonyMs);
      const claims = { userId, credentialsVersion: version, expiresAt };
      const challenge = tokens.issue(PasskeyAdditionChallenge, claims);
      const who = { user: user.value, challenge, known: passkeys };
      return ok(await passkeyCeremonies.additionOptions(who));
    });
  };
}

/** Adds the passkey that a browser has made with these options. */
export function addPasskey(deps: Deps) {
  const { passkeyCeremonies, tokens, clock } = deps;
  return async (
    { userId, name, response }: AddPasskey,
    context: Context,
  ): Promise<Result<void, PasskeyRefused | TooManyPasskeys | Refused | Conflict>> => {
    const allowed = ownCredentials(context, userId, clock);
    if (!allowed.ok) return allowed;
    const challenge = passkeyCeremonies.challengeOf(response);
    const claims = challenge && tokens.read(PasskeyAdditionChallenge, challenge);
    if (!claims || claims.userId !== userId || claims.expiresAt <= clock.now())
      return err({ type: "passkey-refused" });
    const made = await passkeyCeremonies.verifyAddition(response, challenge);
    if (!made) return err({ type: "passkey-refused" });

    return whileSignedIn(deps)(
      context,
      async ({ credentials }) => {
        const current = await credentials.byUser(userId);
        if (current.version !== claims.credentialsVersion) return err({ type: "passkey-refused" });
        const at = clock.now();
        const passkey = { ...made, name, createdAt: at, lastUsedAt: at };
        const change = Credentials.addPasskey(current, passkey);
        if (!change.ok) return change;
        credentials.save(change.value);
        return ok(undefined);
      },
      { lock: [userId] },
    );
  };
}

export function removePasskey(deps: Deps) {
  return async (
    { userId, passkeyId }: RemovePasskey,
    context: Context,
  ): Promise<Result<void, PasskeyNotFound | Refused | Conflict>> => {
    const allowed = await mayActNow(deps, context, Permissions.changeCredentials, {
      owner: userId,
    });
    if (!allowed.ok) return allowed;
    return whileSignedIn(deps)(
      context,
      async ({ credentials }) => {
        const change = Credentials.removePasskey(await credentials.byUser(userId), passkeyId);
        if (!change.ok) return change;
        credentials.save(change.value);
        return ok(undefined);
      },
      { lock: [userId] },
    );
  };
}

/** The options for `navigator.credentials.get`, for any passkey on the device. */
export function beginPasskeySignIn({ passkeyCeremonies, tokens, clock, newId }: Deps) {
  return async (_input: Infer<typeof BeginPasskeySignIn>, _context: Context): Promise<Ok<Json>> => {
    const claims = { challengedAt: clock.now(), nonce: newId(SessionId) };
    const challenge = tokens.issue(PasskeySignInChallenge, claims);
    return ok(await passkeyCeremonies.signInOptions(challenge));
  };
}

/** Starts a session with a passkey, which has verified its user by itself. */
export function signInWithPasskey(deps: Deps) {
  const { unitOfWork, read, passkeyCeremonies: ceremonies, tokens, clock } = deps;
  const refused = err({ type: "sign-in-refused" });
  return async (
    { response }: SignInWithPasskey,
    context: Context,
  ): Promise<Result<SignedIn, SignInRefused | Conflict>> => {
    const assertion = ceremonies.assertionOf(response);
    const claims = assertion && tokens.read(PasskeySignInChallenge, assertion.challenge);
    const userId = UserId.parse(assertion?.userHandle);
    if (!assertion || !claims || !userId.ok) return refused;
    const { challengedAt } = claims;
    if (Instant.plus(challengedAt, ceremonyMs) <= clock.now()) return refused;

    const { passkeyId: id, challenge } = assertion;
    const { passkeys } = await read(context, (scope) => scope.credentials.byUser(userId.value));
    const passkey = passkeys.find((known) => known.id === id);
    const signed = passkey && (await ceremonies.verifySignIn(response, challenge, passkey));
    if (!signed) return refused;

    const started = await unitOfWork(
      { ...asAskedNow(context), actor: userId.value },
      async (scope) => {
        const user = await scope.users.byId(userId.value);
        if (user?.status !== "active") return refused;
        const current = await scope.credentials.byUser(user.id);
        const used = { id, counter: signed.counter, challengedAt };
        const change = Credentials.usePasskey(current, used);
        if (!change.ok) return refused;
        scope.credentials.save(change.value);
        await makeRoom(scope.sessions, user.id, clock.now());
        return ok(startSession(scope, deps, context, { userId: user.id, factors: ["passkey"] }));
      },
      { lock: [userId.value] },
    );
    return started.ok ? ok(await tokensOf(deps)(started.value)) : started;
  };
}
