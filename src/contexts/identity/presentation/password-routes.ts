import { post, put, type Route } from "#platform/http/route.ts";
import { ChangePassword } from "../application/credentials/change-password.ts";
import { SetPassword } from "../application/credentials/set-password.ts";
import { RequestEmail, VerifyEmail } from "../application/credentials/verify-email.ts";
import type { Identity } from "../index.ts";

/** Passwords, and the emails about them. */
export const passwordRoutes = (identity: Identity): readonly Route[] => [
  put("/users/:userId/password", {
    access: "signed-in",
    attempts: { name: "password", account: "actor", forgive: true },
    id: "changePasswordOfUser",
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
    access: "public",
    attempts: { name: "password-reset", account: "email" },
    id: "requestPasswordReset",
    summary: "Request a password reset",
    description:
      "Sends an email if a user has this address. The response is the same whether or not " +
      "a user has it.",
    input: RequestEmail,
    handle: identity.requestPasswordReset,
    success: 202,
    refusals: { conflict: 409 },
  }),
  post("/passwords", {
    access: "public",
    attempts: { name: "set-password" },
    id: "setPasswordWithEmailedToken",
    summary: "Set a password with an emailed token",
    description:
      "Accepts a token of an invitation, of a password reset, or of the email that tells a former " +
      "address how to take the account back. Ends all sessions of the user and starts none.",
    input: SetPassword,
    handle: identity.setPassword,
    forgives: { attempts: "sign-in", account: ({ email }) => email },
    success: 204,
    refusals: {
      "token-refused": 422,
      "invitation-expired": 422,
      "invitation-accepted": 409,
      "user-already-exists": 409,
      "password-too-common": 422,
      "too-busy": 429,
      conflict: 409,
    },
  }),
];

/** The addresses of users, which they show to be theirs. */
export const addressRoutes = (identity: Identity): readonly Route[] => [
  post("/email-verifications", {
    access: "public",
    attempts: { name: "email-verification", account: "email" },
    id: "requestEmailToVerifyAddress",
    summary: "Request an email to verify the address",
    description:
      "Sends an email if a user has this address. The response is the same whether or not " +
      "a user has it.",
    input: RequestEmail,
    handle: identity.requestEmailVerification,
    success: 202,
    refusals: { conflict: 409 },
  }),
  post("/verified-emails", {
    access: "signed-in",
    attempts: { name: "verify-email" },
    id: "verifyAddressWithEmailedToken",
    summary: "Verify an address with an emailed token",
    description:
      "For the signed-in user whose address it is. Until an address is verified, no passkey, " +
      "authenticator app or API key can be added.",
    input: VerifyEmail,
    handle: identity.verifyEmail,
    success: 204,
    refusals: {
      "token-refused": 422,
      "user-already-exists": 409,
      forbidden: 403,
      conflict: 409,
    },
  }),
];
