import { branded } from "./shape.ts";

/** Yes or no. */
export const Flag = branded<boolean>("flag", { schema: { type: "boolean" } });

/** How many there are: a whole number from 0. */
export const Count = branded<number>("count", { schema: { type: "integer", minimum: 0 } });

/** Text of at most so many characters (code points) that follows no rule. */
export const text = (maxLength: number, minLength = 0) =>
  branded<string>("text", {
    schema: { type: "string", maxLength, ...(minLength > 0 && { minLength }) },
  });
