import { branded, type Brand } from "#kernel/shape.ts";

/** Where stock lies, as in `main` or `berlin-2`. */
export type Location = Brand<string, "Location">;

const location = branded<Location>("location", {
  schema: { type: "string", pattern: "^[a-z0-9][a-z0-9-]{0,31}$", maxLength: 32 },
  says: "small letters, digits and hyphens, as in berlin-2",
});

export const Location = { ...location, main: "main" as Location };
