import { branded, type Brand } from "#kernel/shape.ts";

/**
 * A password exactly as it was typed: it is verified so, and nothing of it is trimmed or folded.
 * Lengths as in OWASP ASVS 5.0, 6.2.1 and 6.2.9.
 */
export type Password = Brand<string, "Password">;

export const Password = branded<Password>("password", {
  schema: { type: "string", format: "password", minLength: 8, maxLength: 256, writeOnly: true },
});

/** What is kept of a password: a PHC string, which names the function and its parameters. */
export type PasswordHash = Brand<string, "PasswordHash">;
