import { Flag, text } from "#kernel/scalars.ts";
import { Instant } from "#kernel/instant.ts";
import { branded, list, oneOf, opaque, shape, type Infer } from "#kernel/shape.ts";
import { del, get, post, put, type Route } from "#platform/http/route.ts";
import { ChangePassword } from "../application/credentials/change-password.ts";
import { GetCredentials } from "../application/credentials/get-credentials.ts";
import {
  AddPasskey,
  BeginPasskey,
  PasskeyId,
  RemovePasskey,
} from "../application/credentials/passkeys.ts";
import { SetPassword } from "../application/credentials/set-password.ts";
import { ActivateTotp, EnrolTotp, RemoveTotp } from "../application/credentials/totp.ts";
import { RequestEmail, VerifyEmail } from "../application/credentials/verify-email.ts";
import { maxPasskeys, PasskeyName, type Credentials } from "../domain/credentials.ts";
import type { Identity } from "../index.ts";

const Text = text(2_000);
const count = branded<number>("count", { schema: { type: "integer", minimum: 0 } });
const maxRecoveryCodes = 10;

const CredentialsView = shape({
  hasPassword: Flag,
  totp: oneOf("none", "enrolled", "active"),
  recoveryCodesLeft: count,
  passkeys: list(
    shape({ id: PasskeyId, name: PasskeyName, createdAt: Instant, lastUsedAt: Instant }),
    maxPasskeys,
  ),
});
const TotpView = shape({ secret: Text, uri: Text });
const RecoveryCodesView = shape({ recoveryCodes: list(Text, maxRecoveryCodes) });

const toView = ({
  password,
  totp,
  recoveryCodes,
  passkeys,
}: Credentials): Infer<typeof CredentialsView> => ({
  hasPassword: password !== undefined,
  totp: totp?.status ?? "none",
  recoveryCodesLeft: recoveryCodes.length,
  passkeys: passkeys.map(({ id, name, createdAt, lastUsedAt }) => ({
    id: id as PasskeyId,
    ...{ name, createdAt, lastUsedAt },
  })),
});

/** Passwords, and what is sent by email about them. */
export const passwordRoutes = (identity: Identity): readonly Route[] => [
  put("/users/:userId/password", {
    access: "signed-in",
    attempts: { name: "password", account: "actor", forgive: true },
    summary: "Change the password of a user",
    description:
      "Requires a sign-in within the last 15 minutes. Ends all other sessions of the user.",
    input: ChangePassword,
    handle: identity.changePassword,
    success: 204,
    refusals: {
      "wrong-password": 403,
      "password-too-common": 422,
      "user-not-found": 404,
      "too-busy": 429,
      forbidden: 403,
      "sign-in-too-old": 403,
      conflict: 409,
    },
  }),
  post("/password-resets", {
    access: "anyone",
    attempts: { name: "password-reset", account: "email" },
    summary: "Request a password reset",
    description:
      "Sends an email if a user has this address. The response is the same whether one has " +
      "or not.",
    input: RequestEmail,
    handle: identity.requestPasswordReset,
    success: 202,
    refusals: { conflict: 409 },
  }),
  post("/passwords", {
    access: "anyone",
    attempts: { name: "set-password" },
    summary: "Set a password with an emailed token",
    description:
      "Accepts a token of an invitation or a password reset. Ends all sessions of the user " +
      "and starts none.",
    input: SetPassword,
    handle: identity.setPassword,
    success: 204,
    refusals: { "token-refused": 422, "password-too-common": 422, "too-busy": 429, conflict: 409 },
  }),
  post("/email-verifications", {
    access: "anyone",
    attempts: { name: "email-verification", account: "email" },
    summary: "Request an email to verify the address",
    description:
      "Sends an email if a user has this address. The response is the same whether one has " +
      "or not.",
    input: RequestEmail,
    handle: identity.requestEmailVerification,
    success: 202,
    refusals: { conflict: 409 },
  }),
  post("/verified-emails", {
    access: "anyone",
    attempts: { name: "verify-email" },
    summary: "Verify an address with an emailed token",
    input: VerifyEmail,
    handle: identity.verifyEmail,
    success: 204,
    refusals: { "token-refused": 422, conflict: 409 },
  }),
];

/** Second factors and passkeys. */
export const factorRoutes = (identity: Identity): readonly Route[] => [
  get("/users/:userId/credentials", {
    access: "signed-in",
    summary: "Get the credentials of a user",
    input: GetCredentials,
    handle: identity.getCredentials,
    success: 200,
    output: CredentialsView,
    present: toView,
    refusals: { "user-not-found": 404, forbidden: 403 },
  }),
  post("/users/:userId/totp", {
    access: "signed-in",
    summary: "Enrol an authenticator app",
    description: "Returns a new secret. It takes effect once it is activated with a code.",
    input: EnrolTotp,
    handle: identity.enrolTotp,
    success: 201,
    output: TotpView,
    refusals: {
      "user-not-found": 404,
      "totp-already-active": 409,
      forbidden: 403,
      "sign-in-too-old": 403,
      conflict: 409,
    },
  }),
  post("/users/:userId/totp/activation", {
    access: "signed-in",
    attempts: { name: "totp", account: "actor", forgive: true },
    summary: "Activate the authenticator app",
    description:
      "From now on, signing in requires a code. The recovery codes are returned only in this " +
      "response.",
    input: ActivateTotp,
    handle: identity.activateTotp,
    success: 200,
    output: RecoveryCodesView,
    present: (recoveryCodes) => ({ recoveryCodes }),
    refusals: {
      "totp-not-enrolled": 409,
      "totp-already-active": 409,
      "code-refused": 422,
      forbidden: 403,
      "sign-in-too-old": 403,
      conflict: 409,
    },
  }),
  del("/users/:userId/totp", {
    access: "signed-in",
    summary: "Remove the authenticator app",
    input: RemoveTotp,
    handle: identity.removeTotp,
    success: 204,
    refusals: { "totp-not-enrolled": 409, forbidden: 403, "sign-in-too-old": 403, conflict: 409 },
  }),
  ...passkeyRoutes(identity),
];

const passkeyRoutes = (identity: Identity): readonly Route[] => [
  post("/users/:userId/passkeys/options", {
    access: "signed-in",
    summary: "Begin to add a passkey",
    description: "Returns the options for `navigator.credentials.create`.",
    input: BeginPasskey,
    handle: identity.beginPasskey,
    success: 200,
    output: opaque("WebAuthn options"),
    refusals: { "user-not-found": 404, forbidden: 403, "sign-in-too-old": 403 },
  }),
  post("/users/:userId/passkeys", {
    access: "signed-in",
    summary: "Add a passkey",
    description: "Takes the response of `navigator.credentials.create` as JSON.",
    input: AddPasskey,
    handle: identity.addPasskey,
    success: 204,
    refusals: {
      "passkey-refused": 422,
      "too-many-passkeys": 409,
      forbidden: 403,
      "sign-in-too-old": 403,
      conflict: 409,
    },
  }),
  del("/users/:userId/passkeys/:passkeyId", {
    access: "signed-in",
    summary: "Remove a passkey",
    input: RemovePasskey,
    handle: identity.removePasskey,
    success: 204,
    refusals: { "passkey-not-found": 404, forbidden: 403, "sign-in-too-old": 403, conflict: 409 },
  }),
];
