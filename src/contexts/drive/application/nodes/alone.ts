import type { Context } from "#kernel/context.ts";
import { err, type Result } from "#kernel/result.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import type { DriveScope } from "../ports/scope.ts";

type Deps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly read: Read<DriveScope>;
};
type Find<F, R> = (scope: DriveScope) => Promise<Result<F, R>>;

/** What a repeated request was told the first time, though what it is about is gone; the reason why it is, otherwise. */
export const toldBefore =
  ({ unitOfWork }: Pick<Deps, "unitOfWork">) =>
  <F, V, R>(context: Context, find: Find<F, R>): Promise<Result<V, R | Conflict>> =>
    unitOfWork(context, async (scope): Promise<Result<V, R | Conflict>> => {
      const now = await find(scope);
      return now.ok ? err({ type: "conflict" }) : now;
    });

/**
 * Looks for what tells which locks to wait for, and then decides alone. A repeated request may find nothing any more: its unit of work
 * answers what the first one was told.
 */
export const alone =
  (deps: Deps) =>
  async <F, V, R>(
    context: Context,
    find: Find<F, R>,
    {
      lockOf,
      work,
    }: {
      readonly lockOf: (found: F) => string;
      readonly work: (scope: DriveScope) => Promise<Result<V, R>>;
    },
  ): Promise<Result<V, R | Conflict>> => {
    const found = await deps.read(context, find);
    if (found.ok) return deps.unitOfWork(context, work, { lock: [lockOf(found.value)] });
    return context.idempotency === undefined ? found : toldBefore(deps)<F, V, R>(context, find);
  };
