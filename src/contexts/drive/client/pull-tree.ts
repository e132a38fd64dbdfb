import { mkdir, readdir, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describeFile } from "./described-file.ts";
import { localItem, type LocalItem } from "./local-tree.ts";
import {
  folderEntry,
  isElsewhere,
  isSkipped,
  isUntouched,
  keepBeside,
  orSkip,
  putBack,
  replace,
  type Situation,
  type Syncing,
} from "./sync-situation.ts";
import type { Entry } from "./sync-state.ts";

const depthOf = (path: string): number => path.split("/").length;

/** Moves on this machine what was moved on the server: all out of the way first, so that names may change hands. */
export async function pullMoves(syncing: Syncing, situation: Situation): Promise<boolean> {
  const { root, state, files, report } = syncing;
  const moves = [...situation.links].flatMap(([id, { path: from }]) => {
    const [entry, there] = [state.entries.get(id), situation.remote.get(id)];
    const isMoved = entry && there && isElsewhere(entry, there) && !isSkipped(syncing, there.path);
    return isMoved ? [{ entry, there, from }] : [];
  });
  for (const { entry, from } of moves.toSorted((a, b) => depthOf(b.from) - depthOf(a.from)))
    await rename(join(root, from), join(root, files.movingOf(entry.id)));
  for (const { entry, there } of moves.toSorted(
    (a, b) => depthOf(a.there.path) - depthOf(b.there.path),
  ))
    await orSkip(syncing, there.path, async () => {
      const { path, parentId } = there;
      await mkdir(dirname(join(root, path)), { recursive: true });
      if (await localItem(root, path)) await keepBeside(syncing, path);
      await rename(join(root, files.movingOf(entry.id)), join(root, path));
      replace(syncing, state.entries.get(entry.id) ?? entry, { path, parentId });
      report.moved.push(path);
    });
  await putBack(syncing);
  return moves.length > 0;
}

/** Deletes on this machine what was deleted on the server. What was changed here since is new. */
export async function pullDeletions(syncing: Syncing, situation: Situation): Promise<boolean> {
  const { root, state, report } = syncing;
  const gone = [...situation.links].filter(([id]) => !situation.remote.has(id));
  for (const [id, item] of gone.toSorted((a, b) => depthOf(b[1].path) - depthOf(a[1].path))) {
    const entry = state.entries.get(id);
    state.entries.delete(id);
    await orSkip(syncing, item.path, async () => {
      if (entry && (await removed(root, entry, item))) report.deleted.push(item.path);
    });
  }
  return gone.length > 0;
}

/** Removes an empty folder, or a file that has what was last synced. */
async function removed(root: string, entry: Entry, item: LocalItem): Promise<boolean> {
  const at = join(root, item.path);
  if (item.kind === "folder") {
    const isEmpty = (await readdir(at)).length === 0;
    if (isEmpty) await rmdir(at);
    return isEmpty;
  }
  const isSame = isUntouched(entry, item) || (await describeFile(at)).hash === entry.content?.hash;
  if (!isSame || !(await isStill(root, item))) return false;
  await rm(at, { force: true });
  return true;
}

/** Whether a file is still as it was when the sync looked at it. */
async function isStill(root: string, item: LocalItem): Promise<boolean> {
  const now = await localItem(root, item.path);
  return now?.inode === item.inode && now.size === item.size && now.changedMs === item.changedMs;
}

/** Makes the folders on this machine that are new on the server. */
export async function pullFolders(syncing: Syncing, situation: Situation): Promise<boolean> {
  const { root, state, report } = syncing;
  let isChanged = false;
  for (const there of situation.remote.values()) {
    const { id, path, kind } = there;
    if (kind !== "folder" || state.entries.has(id) || isSkipped(syncing, path)) continue;
    await orSkip(syncing, path, async () => {
      const before = await localItem(root, path);
      if (before?.kind === "file") await keepBeside(syncing, path);
      if (before?.kind !== "folder") {
        await mkdir(join(root, path), { recursive: true });
        report.received.push(path);
      }
      const item = await localItem(root, path);
      if (item) state.entries.set(id, folderEntry(there, item));
      isChanged = true;
    });
  }
  return isChanged;
}
