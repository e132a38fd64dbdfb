import { mkdir, readdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "#kernel/instant.ts";
import type { NodeId } from "../domain/ids.ts";
import { conflictedName } from "../domain/conflicted-name.ts";
import { nameKey, NodeName } from "../domain/node-name.ts";
import { folderOf, joined, localItem, nameOf, type LocalItem } from "./local-tree.ts";
import type { RemoteItem } from "./remote-tree.ts";
import { DownloadDamaged } from "./get-file.ts";
import { LocalChanged } from "./put-file.ts";
import { Refused, type Server } from "./server.ts";
import type { Entry, StateFiles, SyncState } from "./sync-state.ts";

/** What a sync has done, by the paths of files and folders. */
export type SyncReport = {
  readonly sent: string[];
  readonly received: string[];
  readonly moved: string[];
  readonly deleted: string[];
  /** Local files that were kept beside those of the server, under their new paths. */
  readonly conflicts: string[];
  /** What could not be synced, and why. */
  readonly skipped: Map<string, string>;
};

/** What a sync works with. */
export type Syncing = {
  readonly server: Server;
  /** The folder on this machine. */
  readonly root: string;
  readonly state: SyncState;
  readonly files: StateFiles;
  readonly clock: Clock;
  readonly report: SyncReport;
  /** Paths that were changed on the server while the sync went on: it looks at them again. */
  readonly overtaken: Set<string>;
  /** Told how many bytes have been sent or received, and of how many more. */
  readonly onBytes: (done: number, total: number) => void;
};

/** What is here and there at a time, and which of it belongs together. */
export type Situation = {
  readonly local: ReadonlyMap<string, LocalItem>;
  readonly remote: ReadonlyMap<NodeId, RemoteItem>;
  /** Local items of entries. */
  readonly links: ReadonlyMap<NodeId, LocalItem>;
  /** Local items that no entry has, by their paths. */
  readonly free: ReadonlyMap<string, LocalItem>;
};

export const folderEntry = ({ id, parentId }: RemoteItem, { path, inode }: LocalItem): Entry => ({
  id,
  kind: "folder",
  parentId,
  path,
  inode,
});

/** Whether a local file is as it was when it was last synced, so far as can be seen without reading it. */
export const isUntouched = (
  { content, inode }: Entry,
  { size, changedMs, ...item }: LocalItem,
): boolean => inode === item.inode && content?.size === size && content.changedMs === changedMs;

/** Finds the local items of entries: at their paths, or elsewhere by their inodes, which stay when they are renamed. */
export function matched(
  entries: ReadonlyMap<NodeId, Entry>,
  local: ReadonlyMap<string, LocalItem>,
): Pick<Situation, "links" | "free"> {
  const links = new Map<NodeId, LocalItem>();
  const free = new Map(local);
  const byInode = new Map([...local.values()].map((item) => [`${item.kind} ${item.inode}`, item]));
  let left = [...entries.values()];
  const link = (find: (entry: Entry) => LocalItem | undefined) => {
    left = left.filter((entry) => {
      const item = find(entry);
      if (item?.kind !== entry.kind || !free.has(item.path)) return true;
      links.set(entry.id, item);
      free.delete(item.path);
      return false;
    });
  };
  link(({ path, inode }) => {
    const item = free.get(path);
    return item?.inode === inode ? item : undefined;
  });
  link((entry) => {
    const item = byInode.get(`${entry.kind} ${entry.inode}`);
    return item && (entry.kind === "folder" || isUntouched(entry, item)) ? item : undefined;
  });
  link(({ path }) => free.get(path));
  return { links, free };
}

/** Paths that name the same file, on a server that tells names apart by more than case and Unicode form. */
export const pathKey = (path: string): string =>
  path
    .split("/")
    .map((name) => nameKey(name as NodeName))
    .join("/");

/** The ids of folders on this machine, by their paths. */
export function folderIds({ state }: Syncing, { links }: Situation): ReadonlyMap<string, NodeId> {
  const ids = new Map<string, NodeId>([["", state.pairing.folderId]]);
  for (const [id, { kind, path }] of links) if (kind === "folder") ids.set(path, id);
  return ids;
}

/** Whether it is skipped, or lies in a folder that is. */
export function isSkipped({ report }: Syncing, path: string): boolean {
  for (let at = path; at !== ""; at = folderOf(at)) if (report.skipped.has(at)) return true;
  return false;
}

/** An entry comes to lie at another path, with all that lies below it. */
export function replace({ state: { entries } }: Syncing, entry: Entry, to: Partial<Entry>): void {
  const moved = { ...entry, ...to };
  entries.set(entry.id, moved);
  if (entry.kind === "file" || moved.path === entry.path) return;
  for (const one of entries.values())
    if (one.path.startsWith(`${entry.path}/`))
      entries.set(one.id, { ...one, path: moved.path + one.path.slice(entry.path.length) });
}

/** Whether a place is another one than that of an entry. */
export const isElsewhere = (
  entry: Entry,
  place: { readonly parentId: NodeId; readonly name: string },
) => place.parentId !== entry.parentId || place.name !== nameOf(entry.path);

/** Why a file or a folder cannot be named so on the server; undefined where it can. */
export function nameFault(path: string): string | undefined {
  const parsed = NodeName.parse(nameOf(path));
  return parsed.ok ? undefined : `its name ${parsed.error.issues[0]?.message ?? "is invalid"}`;
}

/** Errors of the file system that say something about one file or folder, and nothing about the others. */
const ofOneItem: ReadonlySet<unknown> = new Set([
  "EACCES",
  "EEXIST",
  "EINVAL",
  "EISDIR",
  "ELOOP",
  "ENAMETOOLONG",
  "ENOENT",
  "ENOTDIR",
  "ENOTEMPTY",
  "EPERM",
]);
/** Something about one file or folder of this machine, which may be another one in a moment. */
export const isLocal = (error: unknown): error is Error =>
  error instanceof Error && "code" in error && ofOneItem.has(error.code);
const isOfOneItem = (error: unknown): error is Error =>
  error instanceof Refused ||
  error instanceof LocalChanged ||
  error instanceof DownloadDamaged ||
  isLocal(error);

/** Refusals of what was based on an earlier state of the server. */
const lostRaces: ReadonlySet<string> = new Set(["STALE_REVISION", "PRECONDITION_FAILED"]);

/** Notes what cannot be done with one file or folder, and goes on. Any other error ends the sync. */
export async function orSkip(
  { report, overtaken }: Syncing,
  path: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isOfOneItem(error)) throw error;
    if (error instanceof Refused && lostRaces.has(error.code)) overtaken.add(path);
    else report.skipped.set(path, error.message);
  }
}

/** Gives a local file or folder another name, since the server has another one of its name. */
export async function keepBeside(syncing: Syncing, path: string): Promise<void> {
  const { root, clock, report } = syncing;
  const at = clock.now();
  const besideOf = (count: number) =>
    joined(folderOf(path), conflictedName(nameOf(path) as NodeName, at, count));
  let count = 1;
  while (await localItem(root, besideOf(count))) count += 1;
  const beside = besideOf(count);
  await rename(join(root, path), join(root, beside));
  report.conflicts.push(beside);
}

/** What was on its way to another path when a sync broke off goes back to where it was. */
export async function putBack(syncing: Syncing): Promise<void> {
  const { root, state, files } = syncing;
  for (const id of await readdir(join(root, files.movingOf("")))) {
    const path = state.entries.get(id as NodeId)?.path ?? id;
    if (await localItem(root, path)) await keepBeside(syncing, path);
    await mkdir(dirname(join(root, path)), { recursive: true });
    await rename(join(root, files.movingOf(id)), join(root, path));
  }
}
