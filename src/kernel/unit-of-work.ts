import type { Context } from "./context.ts";
import type { Err, Result } from "./result.ts";

/** Another unit of work changed the same thing in between: load again and decide anew. */
export type Conflict = { readonly type: "conflict" };

export type LockOptions = {
  /** Waits for these names first (sorted, so that no two wait for each other). */
  readonly lock?: readonly string[];
};

/**
 * Port: load, decide, save, as one transaction. What was saved leaves when the work answers ok;
 * err or a throw leaves no trace. No remote call inside. With an idempotency key in the context,
 * a repeated request gets the first answer and has no second effect.
 */
export type UnitOfWork<Scope> = <R extends Result<unknown, unknown>>(
  context: Context,
  work: (scope: Scope) => Promise<R>,
  options?: LockOptions,
) => Promise<R | Err<Conflict>>;

/** Port: asks without changing anything. */
export type Read<Scope> = <T>(context: Context, query: (scope: Scope) => Promise<T>) => Promise<T>;

/** How a context changes its data, and asks for it. */
export type UnitsOfWork<Scope> = {
  readonly unitOfWork: UnitOfWork<Scope>;
  readonly read: Read<Scope>;
};
