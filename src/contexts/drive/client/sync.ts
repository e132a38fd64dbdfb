import type { Clock } from "#kernel/instant.ts";
import { localItem, localTree } from "./local-tree.ts";
import { refresh, remoteTree } from "./remote-tree.ts";
import type { Server } from "./server.ts";
import { transferFiles } from "./sync-files.ts";
import { matched, type Situation, type SyncReport, type Syncing } from "./sync-situation.ts";
import { stateIn, type Pairing, type SyncState } from "./sync-state.ts";
import {
  pullDeletions,
  pullFolders,
  pullMoves,
  pushDeletions,
  pushFolders,
  pushMoves,
} from "./sync-tree.ts";

export type SyncOptions = {
  readonly server: Server;
  readonly root: string;
  readonly pairing: Pairing;
  readonly clock: Clock;
  readonly onBytes?: (done: number, total: number) => void;
};

/** Each may change what the next one looks at: after one that has changed something, all begin anew. */
const steps = [
  pushFolders,
  pushMoves,
  pullMoves,
  pushDeletions,
  pullDeletions,
  pullFolders,
  transferFiles,
];
/** A folder that changes again and again is synced as far as that goes. */
const maxRounds = 50;

async function situationOf(syncing: Syncing): Promise<Situation> {
  const { server, root, state } = syncing;
  await refresh(server, state.mirror, state.pairing);
  const remote = remoteTree(state.mirror, state.pairing.folderId);
  const local = await localTree(root, (folder, why) => syncing.report.skipped.set(folder, why));
  return { local, remote, ...matched(state.entries, local) };
}

const isPaired = ({ pairing }: SyncState, { spaceId, folderId }: Pairing): boolean =>
  pairing.spaceId === spaceId && pairing.folderId === folderId;

/**
 * Makes a folder on this machine and one of the server the same. What was changed on one side goes to the other; a file that was changed on
 * both is kept twice. Interrupted at any time, it goes on the next time.
 */
export async function syncFolder({
  server,
  root,
  pairing,
  clock,
  onBytes = () => {},
}: SyncOptions): Promise<SyncReport> {
  const files = stateIn(root);
  await files.prepare();
  const found = await files.load((await localItem(root, ""))?.inode ?? "");
  if (found && !isPaired(found, pairing))
    throw new Error(`${root} is synced with another folder: ${found.pairing.folderId}`);
  const state: SyncState = found ?? {
    inode: (await localItem(root, ""))?.inode ?? "",
    pairing,
    mirror: { nodes: new Map(), cursor: undefined },
    entries: new Map(),
  };
  const report: SyncReport = {
    sent: [],
    received: [],
    moved: [],
    deleted: [],
    conflicts: [],
    skipped: new Map(),
  };
  const syncing = { server, root, state, files, clock, report, onBytes };
  for (let round = 0; round < maxRounds; round += 1) {
    const situation = await situationOf(syncing);
    let isChanged = false;
    try {
      for (const step of steps) isChanged ||= await step(syncing, situation);
    } finally {
      await files.save(state);
    }
    if (!isChanged) return report;
  }
  return report;
}
