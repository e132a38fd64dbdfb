import type { Context } from "#kernel/context.ts";
import { Instant } from "#kernel/instant.ts";
import { ok, type Result } from "#kernel/result.ts";
import type { ActiveConnection } from "../../domain/connection.ts";
import type { OwnerId, SyncId } from "../../domain/ids.ts";
import { Sync, type FetchingSync, type MatchingSync } from "../../domain/sync.ts";
import { stepMs } from "../statements/receive-statements.ts";
import type { Slice } from "#kernel/each-due.ts";
import { contextOf, fetchPages, maySync, type RunDeps, type Stepped } from "./fetch-pages.ts";
import { lockOfConnection } from "./owned-connection.ts";
import { beginSync } from "./request-sync.ts";

/** Syncs that go on at once, of one owner each. */
const atOnce = 8;
/** How long one call goes on, unless it is told to stop. What waits is looked at again by the next one. */
const sliceMs = 4_000;

type Unfinished = FetchingSync | MatchingSync;

async function settle(deps: RunDeps, sync: MatchingSync, context: Context): Promise<Stepped> {
  const ended = await deps.unitOfWork(
    contextOf(deps, context, sync),
    async ({ syncs, imports }): Promise<Result<Stepped, never>> => {
      const [current, importing] = await Promise.all([
        syncs.byId(sync.id),
        imports.byId(sync.importId),
      ]);
      const isWaited = importing?.status === "waiting" || importing?.status === "arriving";
      if (current?.status !== "matching" || !importing || isWaited) return ok("waits");
      syncs.save(Sync.matched(current, importing.tally, deps.clock.now()));
      return ok("went-on");
    },
    { lock: [lockOfConnection(sync.connectionId)] },
  );
  return ended.ok ? ended.value : "waits";
}

/** Begins a sync. A connection that cannot be synced now is looked at again when the next one is due. */
async function begin(deps: RunDeps, connection: ActiveConnection, context: Context): Promise<void> {
  const own = contextOf(deps, context, connection);
  const isAllowed = await maySync(deps, connection, own);
  await deps.unitOfWork(
    own,
    async (scope): Promise<Result<void, never>> => {
      const begun = isAllowed ? await beginSync(deps, connection.id)(scope) : undefined;
      if (!begun?.ok) {
        const nextSyncAt = Instant.plus(deps.clock.now(), deps.syncEveryMs);
        scope.connections.schedule(connection.id, { nextSyncAt });
      }
      return ok(undefined);
    },
    { lock: [lockOfConnection(connection.id)] },
  );
}

/** Begins what is due. Answers the errors of those that could not begin. */
async function beginDue(deps: RunDeps, context: Context): Promise<readonly unknown[]> {
  const { read, clock } = deps;
  const step = { ...context, deadlineMs: clock.unixMs() + stepMs };
  const due = await read(step, ({ connections }) => connections.due(clock.now(), atOnce));
  const begun = await Promise.allSettled(due.map((one) => begin(deps, one, context)));
  return begun.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
}

/**
 * Fetches what providers have, page by page, and ends syncs whose rows are matched. A page is kept together with where the next one
 * begins, so that whoever goes on after a crash keeps none twice, and leaves none out. A sync that fails holds up no other.
 */
export function runSyncs(deps: RunDeps) {
  const { read, clock } = deps;
  return async (
    { stopping }: Slice,
    context: Context,
  ): Promise<Result<{ readonly failures: readonly unknown[] }, never>> => {
    const failures = [...(await beginDue(deps, context))];
    const endMs = clock.unixMs() + sliceMs;
    const isOver = () => stopping?.aborted === true || clock.unixMs() >= endMs;
    const resting = new Set<SyncId>();
    const running = new Map<OwnerId, Promise<void>>();
    const goOn = async (sync: Unfinished) => {
      const going =
        sync.status === "fetching"
          ? fetchPages(deps, sync, { isOver, context })
          : settle(deps, sync, context);
      const done = await going.catch((error: unknown): Stepped => {
        failures.push(error);
        return "waits";
      });
      if (done === "waits") resting.add(sync.id);
      running.delete(sync.ownerId);
    };
    const failed = (error: unknown) => {
      failures.push(error);
      return [];
    };
    const waiting = async (): Promise<readonly Unfinished[]> => {
      const step = { ...context, deadlineMs: clock.unixMs() + stepMs };
      const found = await read(step, ({ syncs }) =>
        syncs.unfinished(clock.now(), atOnce, [...resting]),
      ).catch(failed);
      return found.filter(({ ownerId }) => !running.has(ownerId)).slice(0, atOnce - running.size);
    };
    for (;;) {
      const next = isOver() ? [] : await waiting();
      for (const one of next) running.set(one.ownerId, goOn(one));
      if (running.size === 0) return ok({ failures });
      await Promise.race(running.values());
    }
  };
}
