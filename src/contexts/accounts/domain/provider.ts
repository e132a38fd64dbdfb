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

/** What a provider can tell of: a file is sent by its customer, all else is fetched. */
export const abilities = ["files", "accounts", "balances", "transactions", "holdings"] as const;
export type Ability = (typeof abilities)[number];

/**
 * Why a provider gives no answer. `unreadable`: it answers something else; `login-lost`: it does not take the credentials any more;
 * `refused`: it does not allow that; `disconnected`: the owner does not.
 */
export const failureReasons = [
  "unavailable",
  "unreadable",
  "rate-limited",
  "login-lost",
  "refused",
  "disconnected",
] as const;
export type FailureReason = (typeof failureReasons)[number];
