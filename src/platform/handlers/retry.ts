import { outcomeOf, type AnyHandler } from "./handler.ts";

/** Attempts at a command whose unit of work lost a race; then the conflict is the answer. */
const maxAttempts = 5;

/** Runs a handler again after each lost race, so that it loads and decides anew. */
export const retryingConflicts =
  (handler: AnyHandler, onConflict: () => void): AnyHandler =>
  async (input, context) => {
    for (let attempt = 1; ; attempt += 1) {
      const result = await handler(input, context);
      if (outcomeOf(result) !== "conflict" || attempt === maxAttempts) return result;
      onConflict();
    }
  };
