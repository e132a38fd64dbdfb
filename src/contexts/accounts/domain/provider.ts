import { branded, type Brand } from "#kernel/shape.ts";

/** Who keeps accounts elsewhere, as in `chase`. */
export type ProviderId = Brand<string, "ProviderId">;
export const ProviderId = branded<ProviderId>("provider", {
  schema: { type: "string", pattern: "^[a-z][a-z0-9-]{0,29}$", maxLength: 30 },
  says: "small letters, digits and hyphens, as in chase",
});

/**
 * What the ids of a provider's lines are worth. `stable`: a line keeps its id, and whatever else is said under it corrects the line.
 * `loose`: an id may stand for several lines, and a line may get another.
 */
export type IdHabit = "stable" | "loose";
