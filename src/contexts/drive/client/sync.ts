import type { Clock } from "#kernel/instant.ts";
import { localItem, localTree } from "./local-tree.ts";
import { refresh, remoteTree } from "./remote-tree.ts";
import type { Server } from "./server.ts";
import { pushBatches } from "./push-batches.ts";
import { transferFiles } from "./sync-files.ts";
import {
  matched,
  putBack,
  type Situation,
  type SyncReport,
  type Syncing,
} from "./sync-situation.ts";
import { stateIn, type Pairing, type SyncState } from "./sync-state.ts";
import { pullDeletions, pullFolders, pullMoves } from "./pull-tree.ts";
import { pushDeletions, pushFolders, pushMoves } from "./push-tree.ts";

export type SyncOptions = {
  readonly server: Server;
  readonly root: string;
  readonly pairing: Pairing;
  readonly clock: Clock;
  readonly onBytes?: (done: number, total: number) => void;
};

export type Synced = { readonly report: SyncReport; readonly state: SyncState };

/** A step may change what the next one looks at. After a step that has changed something, the sync looks at both sides again. */
const steps = [
  pushFolders,
  pushMoves,
  pullMoves,
  pushDeletions,
  pullDeletions,
  pullFolders,
  pushBatches,
  transferFiles,
];
/** A folder that changes again and again is synced as far as that goes. */
const maxRounds = 50;

async function situationOf(syncing: Syncing): Promise<Situation> {
  const { server, root, state } = syncing;
  // A server that was restored to an earlier state lacks what came after it: that is not deleted here, nor overwritten.
  if ((await refresh(server, state.mirror, state.pairing)) === "lost") state.entries.clear();
  const remote = remoteTree(state.mirror, state.pairing.folderId);
  const local = await localTree(root, (folder, why) => syncing.report.skipped.set(folder, why));
  return { local, remote, ...matched(state.entries, local) };
}

const isPaired = ({ pairing }: SyncState, { spaceId, folderId }: Pairing): boolean =>
  pairing.spaceId === spaceId && pairing.folderId === folderId;

/** What a folder of this machine is synced with; undefined where it was never synced, or is a copy of one that was. */
export async function pairingOf(root: string): Promise<Pairing | undefined> {
  return (await stateIn(root).load((await localItem(root, ""))?.inode ?? ""))?.pairing;
}

/** Syncs a folder, and tells what is known of it by then. */
export async function syncOnce({
  server,
  root,
  pairing,
  clock,
  onBytes = () => {},
}: SyncOptions): Promise<Synced> {
  const inode = (await localItem(root, ""))?.inode;
  if (inode === undefined) throw new Error(`there is no ${root}`);
  const files = stateIn(root);
  await files.prepare();
  await using _alone = await files.alone();
  const found = await files.load(inode);
  if (found && !isPaired(found, pairing))
    throw new Error(`${root} is synced with another folder: ${found.pairing.folderId}`);
  const state: SyncState = found ?? {
    inode,
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
  const syncing = {
    server,
    root,
    state,
    files,
    clock,
    report,
    overtaken: new Set<string>(),
    onBytes,
  };
  await putBack(syncing);
  for (let round = 0; round < maxRounds; round += 1) {
    const situation = await situationOf(syncing);
    let isChanged = false;
    syncing.overtaken.clear();
    try {
      for (const step of steps) isChanged ||= await step(syncing, situation);
    } finally {
      await files.save(state);
    }
    if (!isChanged && syncing.overtaken.size === 0) return { report, state };
  }
  report.skipped.set(".", "it changes again and again: sync it once more");
  return { report, state };
}

/**
 * Makes a folder on this machine and one of the server the same. What was changed on one side goes to the other; a file that was changed on
 * both is kept twice. Interrupted at any time, it goes on the next time.
 */
export const syncFolder = async (options: SyncOptions): Promise<SyncReport> =>
  (await syncOnce(options)).report;
