import { oneOf, type Infer } from "#kernel/shape.ts";

/** The way in which a user authenticated. A passkey verifies its user by itself. */
export const Factor = oneOf("password", "totp", "recovery-code", "passkey");
export type Factor = Infer<typeof Factor>;

/** Why a session is over before its time. */
export const EndReason = oneOf(
  "signed-out",
  "token-reused",
  "too-many-sessions",
  "password-set",
  "disabled",
  "deleted",
);
export type EndReason = Infer<typeof EndReason>;
