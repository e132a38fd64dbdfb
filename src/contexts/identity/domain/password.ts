import { branded, type Brand } from "#kernel/shape.ts";

/** A password exactly as it was typed: it is verified so, and nothing of it is trimmed or folded. */
export type Password = Brand<string, "Password">;

/** Shorter words are easy to guess from the user's data. */
const shortLength = 15;
const leastWord = 4;

/** Lengths as in OWASP ASVS 5.0, 6.2.1 and 6.2.9. */
const password = branded<Password>("password", {
  schema: {
    type: "string",
    format: "password",
    minLength: 8,
    maxLength: 256,
    writeOnly: true,
    examples: ["correct horse battery staple"],
  },
});

export const Password = {
  ...password,
  /** Whether it is short and made of one of these words: of the product, or of its owner's name. */
  isMadeOf(typed: Password, words: readonly string[]): boolean {
    const text = typed.toLowerCase();
    return (
      text.length < shortLength &&
      words.some((word) => word.length >= leastWord && text.includes(word.toLowerCase()))
    );
  },
};

/** The hash of a password, as a PHC string with its function and parameters. */
export type PasswordHash = Brand<string, "PasswordHash">;
