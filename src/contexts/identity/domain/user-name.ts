import { branded, type Brand } from "#kernel/shape.ts";

/** The name of a user, 2 to 100 characters. Runs of white space count as one space. */
export type UserName = Brand<string, "UserName">;

export const UserName = branded<UserName>("name", {
  schema: { type: "string", minLength: 2, maxLength: 100 },
  parse: (input) => input.trim().replaceAll(/\s+/g, " "),
});
