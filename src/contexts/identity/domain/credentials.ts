import { CredentialsId } from "./ids.ts";
import { type Versioned, Version } from "#kernel/version.ts";
import { andThen, unchanged, type Change } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import { err, expect, ok, type Result } from "#kernel/result.ts";
import { line } from "#kernel/line.ts";
import { branded, type Brand } from "#kernel/shape.ts";
import {
  PasskeyAdded,
  PasskeyRemoved,
  PasskeyUsed,
  PasswordSet,
  SecondFactorUsed,
  TotpActivated,
  TotpEnrolled,
  TotpRemoved,
  type IdentityEvent,
} from "./events.ts";
import type { PasswordHash } from "./password.ts";
import type { UserId } from "./user-id.ts";

/** Ciphertext that only the holder of the master key reads. */
export type Sealed = Brand<string, "Sealed">;
/** Hash of a recovery code, which is random enough for a fast one. */
export type CodeHash = Brand<string, "CodeHash">;

/** A code of an authenticator app, or a recovery code. */
export type Code = Brand<string, "Code">;
export const Code = branded<Code>("code", {
  schema: { type: "string", minLength: 6, maxLength: 40, pattern: "^[0-9a-z-]+$" },
  says: "digits, letters and hyphens, as in 407518",
  parse: (input) => input.toLowerCase().replaceAll(/\s/g, ""),
});

/** A generator of codes. `lastStep`: the last 30 seconds of which a code was taken. */
export type Totp = {
  readonly status: "enrolled" | "active";
  readonly secret: Sealed;
  readonly lastStep: number;
};

export type PasskeyName = Brand<string, "PasskeyName">;
export const PasskeyName = line<PasskeyName>("passkey name", { min: 1, max: 64 });

/** A public key of an authenticator. `id` and `publicKey` in base64url. Source: WebAuthn level 3. */
export type Passkey = {
  readonly id: string;
  readonly name: PasskeyName;
  readonly publicKey: string;
  readonly counter: number;
  readonly transports: readonly string[];
  readonly createdAt: Instant;
  /** When the challenge was made that it last answered: no older one is taken. */
  readonly lastUsedAt: Instant;
};

export const maxPasskeys = 20;

/** All that a user can show to be themselves. */
export type Credentials = Versioned & {
  readonly userId: UserId;
  readonly password?: PasswordHash;
  /** Whether the password was made by the system, to be replaced at its first use. */
  readonly isInitial: boolean;
  readonly totp?: Totp;
  readonly recoveryCodes: readonly CodeHash[];
  readonly passkeys: readonly Passkey[];
};

type Changed = Change<Credentials, IdentityEvent>;
type PasswordReason = "registration" | "change" | "reset" | "new-parameters";

export type TotpAlreadyActive = { readonly type: "totp-already-active" };
export type TotpNotEnrolled = { readonly type: "totp-not-enrolled" };
/** A code that is wrong, or was taken before. */
export type CodeRefused = { readonly type: "code-refused" };
export type PasskeyNotFound = { readonly type: "passkey-not-found" };
export type TooManyPasskeys = { readonly type: "too-many-passkeys"; readonly max: number };
/** Signed for another challenge, by another key, or not at all. */
export type PasskeyRefused = { readonly type: "passkey-refused" };

export const Credentials = {
  streamOf: ({ userId }: Credentials) => CredentialsId.of(userId),

  none: (userId: UserId): Credentials => ({
    userId,
    isInitial: false,
    recoveryCodes: [],
    passkeys: [],
    version: Version.none,
  }),

  /** Whether a password alone is not enough. */
  owesSecondFactor: ({ totp }: Credentials): boolean => totp?.status === "active",

  setPassword(
    credentials: Credentials,
    password: PasswordHash,
    why: PasswordReason,
    isInitial = false,
  ): Changed {
    const { userId } = credentials;
    return {
      state: { ...credentials, password, isInitial },
      events: [PasswordSet({ userId, why })],
    };
  },

  enrolTotp(credentials: Credentials, secret: Sealed): Result<Changed, TotpAlreadyActive> {
    if (credentials.totp?.status === "active") return err({ type: "totp-already-active" });
    return ok({
      state: { ...credentials, totp: { status: "enrolled", secret, lastStep: 0 } },
      events: [TotpEnrolled({ userId: credentials.userId })],
    });
  },

  /** From now on, signing in with the password takes a code too. */
  activateTotp(
    credentials: Credentials,
    step: number,
    recoveryCodes: readonly CodeHash[],
  ): Result<Changed, TotpNotEnrolled | TotpAlreadyActive> {
    const { totp, userId } = credentials;
    if (!totp) return err({ type: "totp-not-enrolled" });
    if (totp.status === "active") return err({ type: "totp-already-active" });
    return ok({
      state: { ...credentials, totp: { ...totp, status: "active", lastStep: step }, recoveryCodes },
      events: [TotpActivated({ userId })],
    });
  },

  removeTotp({ totp, ...credentials }: Credentials): Result<Changed, TotpNotEnrolled> {
    if (!totp) return err({ type: "totp-not-enrolled" });
    return ok({
      state: { ...credentials, recoveryCodes: [] },
      events: [TotpRemoved({ userId: credentials.userId })],
    });
  },

  /** Takes the code of a step once, and none of an earlier step after it. */
  useTotp(credentials: Credentials, step: number): Result<Changed, CodeRefused> {
    const { totp, userId } = credentials;
    if (totp?.status !== "active" || step <= totp.lastStep) return err({ type: "code-refused" });
    return ok({
      state: { ...credentials, totp: { ...totp, lastStep: step } },
      events: [SecondFactorUsed({ userId, factor: "totp" })],
    });
  },

  useRecoveryCode(credentials: Credentials, used: CodeHash): Result<Changed, CodeRefused> {
    const { recoveryCodes, userId } = credentials;
    if (!recoveryCodes.includes(used)) return err({ type: "code-refused" });
    return ok({
      state: { ...credentials, recoveryCodes: recoveryCodes.filter((code) => code !== used) },
      events: [SecondFactorUsed({ userId, factor: "recovery-code" })],
    });
  },

  addPasskey(credentials: Credentials, passkey: Passkey): Result<Changed, TooManyPasskeys> {
    const { passkeys, userId } = credentials;
    const others = passkeys.filter(({ id }) => id !== passkey.id);
    if (others.length >= maxPasskeys) return err({ type: "too-many-passkeys", max: maxPasskeys });
    return ok({
      state: { ...credentials, passkeys: [...others, passkey] },
      events: [PasskeyAdded({ userId, name: passkey.name })],
    });
  },

  /** Takes the answer to a challenge once, and none to an older challenge after it. */
  usePasskey(
    credentials: Credentials,
    used: { readonly id: string; readonly counter: number; readonly challengedAt: Instant },
  ): Result<Changed, PasskeyRefused> {
    const { passkeys, userId } = credentials;
    const known = passkeys.find(({ id }) => id === used.id);
    if (!known || used.challengedAt <= known.lastUsedAt) return err({ type: "passkey-refused" });
    const { counter, challengedAt } = used;
    const next: Passkey = { ...known, counter, lastUsedAt: challengedAt };
    return ok({
      state: { ...credentials, passkeys: passkeys.map((key) => (key === known ? next : key)) },
      events: [PasskeyUsed({ userId, passkeyId: known.id })],
    });
  },

  removePasskeys(credentials: Credentials): Changed {
    const { passkeys, userId } = credentials;
    const removed = passkeys.map(({ id: passkeyId }) => PasskeyRemoved({ userId, passkeyId }));
    return { state: { ...credentials, passkeys: [] }, events: removed };
  },

  /** Removes passkeys and the second factor. */
  onlyPassword: (credentials: Credentials): Changed =>
    andThen(Credentials.removePasskeys(credentials), (next) =>
      next.totp ? expect(Credentials.removeTotp(next)) : unchanged(next),
    ),

  removePasskey(credentials: Credentials, passkeyId: string): Result<Changed, PasskeyNotFound> {
    const { passkeys, userId } = credentials;
    const left = passkeys.filter(({ id }) => id !== passkeyId);
    if (left.length === passkeys.length) return err({ type: "passkey-not-found" });
    return ok({
      state: { ...credentials, passkeys: left },
      events: [PasskeyRemoved({ userId, passkeyId })],
    });
  },
};
