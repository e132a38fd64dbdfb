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
 * Why nothing is fetched. `unreadable`: the provider answers something else; `login-lost`: it no longer accepts the credentials; `refused`:
 * it does not allow that; `other-account`: it tells of an account that it was not connected for; `disconnected`: the owner has disconnected it;
 * `not-allowed`: the owner may not sync any more, as after they were deleted; `holdings-incomplete`: positions cannot be read, or do not come to what the
 * provider says they are worth: those that it does not name are kept; `account-missing`: it no longer tells of an account that it had, which is said once.
 */
export const failureReasons = [
  "unavailable",
  "unreadable",
  "rate-limited",
  "login-lost",
  "refused",
  "other-account",
  "disconnected",
  "not-allowed",
  "holdings-incomplete",
  "account-missing",
] as const;
export type FailureReason = (typeof failureReasons)[number];
