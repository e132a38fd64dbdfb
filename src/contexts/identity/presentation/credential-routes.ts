import { Count, Flag, text } from "#kernel/scalars.ts";
import { Instant } from "#kernel/instant.ts";
import { list, oneOf, named, shape, type Infer } from "#kernel/shape.ts";
import { del, get, post, type Route } from "#platform/http/route.ts";
import { GetCredentials } from "../application/credentials/get-credentials.ts";
import { PasskeyId } from "../application/credentials/passkeys.ts";
import { ActivateTotp, EnrolTotp, RemoveTotp } from "../application/credentials/totp.ts";
import { maxPasskeys, PasskeyName, type Credentials } from "../domain/credentials.ts";
import type { Identity } from "../index.ts";

const Text = text(2_000);
const maxRecoveryCodes = 10;

export const CredentialsView = named(
  "Credentials",
  shape({
    hasPassword: Flag,
    totp: oneOf("none", "enrolled", "active"),
    recoveryCodesLeft: Count,
    passkeys: list(
      shape({ id: PasskeyId, name: PasskeyName, createdAt: Instant, lastUsedAt: Instant }),
      maxPasskeys,
    ),
  }),
);
const TotpView = named("Totp", shape({ secret: Text, uri: Text }));
const RecoveryCodesView = named(
  "RecoveryCodes",
  shape({ recoveryCodes: list(Text, maxRecoveryCodes) }),
);

export const toCredentialsView = ({
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
    name,
    createdAt,
    lastUsedAt,
  })),
});

/** The credentials of a user and their second factor. */
export const credentialRoutes = (identity: Identity): readonly Route[] => [
  get("/users/:userId/credentials", {
    access: "signed-in",
    id: "getCredentialsOfUser",
    summary: "Get the credentials of a user",
    input: GetCredentials,
    handle: identity.getCredentials,
    success: 200,
    output: CredentialsView,
    present: toCredentialsView,
    refusals: { "user-not-found": 404, forbidden: 403 },
  }),
  post("/users/:userId/totp", {
    access: "signed-in",
    id: "enrolAuthenticatorApp",
    summary: "Enrol an authenticator app",
    description: "Returns a new secret. It takes effect once it is activated with a code.",
    input: EnrolTotp,
    handle: identity.enrolTotp,
    success: 201,
    output: TotpView,
    refusals: {
      "email-unverified": 403,
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
    id: "activateAuthenticatorApp",
    summary: "Activate the authenticator app",
    description:
      "Afterwards, signing in requires a code. The recovery codes are returned only in this " +
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
    id: "removeAuthenticatorApp",
    summary: "Remove the authenticator app",
    input: RemoveTotp,
    handle: identity.removeTotp,
    success: 204,
    refusals: { "totp-not-enrolled": 409, forbidden: 403, "sign-in-too-old": 403, conflict: 409 },
  }),
];
