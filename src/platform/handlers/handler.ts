import type { Context } from "#kernel/context.ts";
import type { Result } from "#kernel/result.ts";

/** A command or query of a context. */
export type Handler<Input, Value, Refusal> = (
  input: Input,
  context: Context,
) => Promise<Result<Value, Refusal>>;

export type AnyHandler = Handler<never, unknown, unknown>;

/** The type of a refusal: what metrics and the audit call its outcome. */
export const typeOf = (refusal: unknown): string =>
  typeof refusal === "object" && refusal !== null && "type" in refusal
    ? String(refusal.type)
    : "refused";

/** `ok`, or the type of the refusal. */
export const outcomeOf = (result: Result<unknown, unknown>): string =>
  result.ok ? "ok" : typeOf(result.error);
