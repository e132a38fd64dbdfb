import { branded, type Brand } from "#kernel/shape.ts";

/** What a person is called, in 2 to 100 characters; runs of white space count as one space. */
export type UserName = Brand<string, "UserName">;

export const UserName = branded<UserName>("name", {
  schema: { type: "string", minLength: 2, maxLength: 100 },
  parse: (input) => input.trim().replaceAll(/\s+/g, " "),
});
