import path from "node:path";
import { watch } from "chokidar";
import { WakeUp } from "#platform/events/wake-up.ts";
import { pause, type Timers } from "#platform/runtime.ts";
import { localItem, ownFolder } from "./local-tree.ts";
import { ChangesFacts, isPassing, type Server } from "./server.ts";
import { syncOnce, type SyncOptions } from "./sync.ts";
import { isLocal, type SyncReport } from "./sync-situation.ts";
import type { SyncState } from "./sync-state.ts";

/** Programs write a file in several steps: a change of this machine is sent once it has been quiet for so long, or is going on for so long. */
const [settleMs, restlessMs] = [1_000, 30_000];
/** Both sides are compared so often, whatever tells of changes or fails to. */
const compareEveryS = 60;
/** A server that is away is asked again after so long. */
const awayMs = 30_000;

type Keeping = SyncOptions & {
  readonly timers: Timers;
  readonly onReport: (report: SyncReport) => void;
  /** Ends what goes on as well, if the server is reached with it. */
  readonly ending: AbortSignal;
  /** The server is away, files vanish while they are looked at, or the folder cannot be watched: it is gone on with each. */
  readonly onFailure: (error: unknown) => void;
};

/** Tells of changes in a folder of this machine. */
function watching(root: string, onChange: () => void, onFailure: (error: unknown) => void) {
  const own = path.join(root, ownFolder);
  const watcher = watch(root, {
    ignored: (one) => one === own || one.startsWith(own + path.sep),
    ignoreInitial: true,
    followSymlinks: false,
  });
  watcher.on("all", onChange).on("error", onFailure);
  return { [Symbol.asyncDispose]: () => watcher.close() };
}

/** Returns once something has changed on the server, or the time is over. Whether the server is there, the next sync tells. */
async function remoteChange(
  server: Server,
  { pairing: { spaceId }, mirror: { cursor } }: SyncState,
  signal: AbortSignal,
): Promise<void> {
  const query = { cursor, wait: compareEveryS, limit: 1 };
  await server
    .ask(ChangesFacts, "GET", `spaces/${spaceId}/changes`, { query, signal })
    .catch(() => {});
}

/** Returns once nothing has changed for a moment. */
async function settled(changed: WakeUp, { timers, ending }: Pick<Keeping, "timers" | "ending">) {
  const beganMs = timers.elapsedMs();
  for (let seen = -1; seen !== changed.calls && timers.elapsedMs() - beganMs < restlessMs;) {
    seen = changed.calls;
    await pause(timers, settleMs, ending);
  }
}

/** Ends where another folder has the place of the one that is synced, as where a disk was unmounted: it would be filled. */
async function ensureSame(root: string, inode: string | undefined): Promise<void> {
  if (inode === undefined || (await localItem(root, ""))?.inode !== inode)
    throw new Error(`${root} is gone, or another folder has its place: it is synced no more`);
}

/** Syncs a folder, and again whenever it has changed on either side, until it is ended. */
export async function keepSynced({ onReport, onFailure, ...options }: Keeping): Promise<void> {
  const { root, timers, ending, server } = options;
  const changed = new WakeUp(timers);
  await using _watcher = watching(root, () => changed.call(), onFailure);
  ending.addEventListener("abort", () => changed.call(), { once: true });
  const inode = (await localItem(root, ""))?.inode;
  while (!ending.aborted) {
    const seen = changed.calls;
    await ensureSame(root, inode);
    try {
      const { report, state } = await syncOnce(options);
      onReport(report);
      const leaving = new AbortController();
      const heard = remoteChange(server, state, AbortSignal.any([ending, leaving.signal]));
      await Promise.race([changed.wait(seen, compareEveryS * 1_000), heard]);
      leaving.abort();
      await heard;
      if (changed.calls !== seen) await settled(changed, options);
    } catch (error) {
      if (ending.aborted) return;
      if (!isPassing(error) && !isLocal(error)) throw error;
      onFailure(error);
      if (isLocal(error)) await changed.wait(seen, awayMs);
      await pause(timers, isLocal(error) ? settleMs : awayMs, ending);
    }
  }
}
