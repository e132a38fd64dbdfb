import type { Context } from "#kernel/context.ts";
import type { Slice } from "#kernel/each-due.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { expect, ok, type Result } from "#kernel/result.ts";
import type { UnitOfWork } from "#kernel/unit-of-work.ts";
import type { DriveScope } from "../ports/scope.ts";

/** Revisions that one unit of work deletes, about. */
const stepRevisions = 2_000;
/** One step has so much time, as a request has. */
const stepMs = 10_000;
const dayMs = 86_400_000;

type Deps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly clock: Clock;
  readonly revisionDays: number;
};

/** Deletes contents of files that were replaced longer ago than they are kept, and forgets where nodes were then. What files have now stays, however old it is. */
export function prunePast({ unitOfWork, clock, revisionDays }: Deps) {
  return async ({ stopping }: Slice, asked: Context): Promise<Result<void, never>> => {
    if (revisionDays === 0) return ok(undefined);
    const until = Instant.plus(clock.now(), -revisionDays * dayMs);
    const step = async ({ retention }: DriveScope) =>
      ok(await retention.prune(until, stepRevisions));
    for (let from: Instant | undefined; from === undefined || from < until;) {
      if (stopping?.aborted === true) break;
      const context = { ...asked, deadlineMs: clock.unixMs() + stepMs };
      from = expect(await unitOfWork(context, step, { lock: ["drive.retention"] }));
    }
    return ok(undefined);
  };
}
