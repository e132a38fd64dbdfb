import { Instant } from "#kernel/instant.ts";
import { Permission } from "#kernel/permission.ts";
import { text } from "#kernel/scalars.ts";
import { branded, list, shape, type Brand } from "#kernel/shape.ts";
import { Version } from "#kernel/version.ts";
import { ApiKeyName } from "../domain/api-key.ts";
import { Email } from "../domain/email.ts";
import { ApiKeyId, SessionId } from "../domain/ids.ts";
import { UserId } from "../domain/user-id.ts";

/** A token as a client sends it. */
export type Token = Brand<string, "Token">;
export const Token = branded<Token>("token", {
  schema: { type: "string", minLength: 20, maxLength: 1_000, pattern: "^[\\w.-]+$" },
  says: "a token as it was given out",
});

const Generation = branded<number>("generation", {
  schema: { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
});

/** One for each exchange of a session. */
export const RefreshToken = {
  purpose: "refresh",
  claims: shape({ sessionId: SessionId, generation: Generation }),
};

export const ApiKeyToken = { purpose: "key", claims: shape({ keyId: ApiKeyId }) };

const maxDeviceScopes = 10;
const maxAllows = 60;
const maxAddress = 45;

/** Asks a person for an API key for a device. Void once the key has been made: its id is known before. */
export const DeviceRequestToken = {
  purpose: "device",
  claims: shape({
    keyId: ApiKeyId,
    name: ApiKeyName,
    scopes: list(Permission, maxDeviceScopes),
    allows: text(maxAllows, 1),
    address: text(maxAddress),
    askedAt: Instant,
  }),
};

/** Collects the key that was asked for. The device alone has this token. */
export const DeviceCollectionToken = {
  purpose: "device_collection",
  claims: shape({ keyId: ApiKeyId, askedAt: Instant }),
};

/** Void once the credentials or the address are no more as they were: it sets a password once. */
export const SetPasswordToken = {
  purpose: "set_password",
  claims: shape({
    userId: UserId,
    email: Email,
    credentialsVersion: Version,
    expiresAt: Instant,
  }),
};

/** Void once the invited person has set a password, or the address is another one. */
export const InvitationToken = {
  purpose: "invitation",
  claims: shape({ userId: UserId, email: Email, expiresAt: Instant }),
};

/** Void once the account was taken back, or the time for that has passed. */
export const RestorationToken = {
  purpose: "restoration",
  claims: shape({ userId: UserId, email: Email, until: Instant }),
};

/** Void once the address is verified, or another one. */
export const VerifyEmailToken = {
  purpose: "verify_email",
  claims: shape({ userId: UserId, email: Email, expiresAt: Instant }),
};

/** Void once the credentials are no more as they were. */
export const PasskeyAdditionChallenge = {
  purpose: "add_passkey",
  claims: shape({ userId: UserId, credentialsVersion: Version, expiresAt: Instant }),
};

/** A passkey answers no challenge that was made before the last one it answered. */
export const PasskeySignInChallenge = {
  purpose: "passkey",
  claims: shape({ challengedAt: Instant, nonce: SessionId }),
};

/** The lifetime of emailed tokens. Source: OWASP ASVS 5.0, 6.5.5. */
export const emailedForMs = 30 * 60_000;
/** How long a ceremony with an authenticator may take. */
export const ceremonyMs = 5 * 60_000;

/** An invitation that came too late: ask for another one. */
export type InvitationExpired = { readonly type: "invitation-expired" };

/** A link that no longer works, was used, or was never given out. */
export type TokenRefused = { readonly type: "token-refused" };
