import { branded, type Brand } from "#kernel/shape.ts";

/** An email address, trimmed and in lower case: one person, one spelling. */
export type Email = Brand<string, "Email">;

/** With the space around it: no more is looked at. */
const longest = 320;

export const Email = branded<Email>("email address", {
  schema: { type: "string", format: "email", maxLength: 254 },
  parse(input) {
    if (input.length > longest) return undefined;
    const address = input.trim().toLowerCase();
    return /^[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)+$/.test(address) ? address : undefined;
  },
});
