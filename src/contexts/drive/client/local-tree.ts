import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/** The folder in which a client keeps what it knows of a synced folder. */
export const ownFolder = ".basalt";

/** A file or a folder on this machine. `path`: below the synced folder, with slashes. `inode` stays when it is renamed. */
export type LocalItem = {
  readonly path: string;
  readonly kind: "folder" | "file";
  readonly inode: string;
  readonly size: number;
  readonly changedMs: number;
};

/** Whether this user may not read something; what is below it is unknown then, and not gone. */
export const isDenied = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "EACCES" || error.code === "EPERM");

const isGone = (error: unknown): boolean =>
  error instanceof Error &&
  "code" in error &&
  (error.code === "ENOENT" || error.code === "ENOTDIR");

/** All files and folders below a folder, each folder before what is in it. Links and devices are left out. */
export async function localTree(
  root: string,
  onUnreadable: (folder: string, why: string) => void,
): Promise<ReadonlyMap<string, LocalItem>> {
  const unreadable = (folder: string, error: unknown): readonly Dirent[] => {
    // It was deleted while the tree was walked.
    if (folder !== "" && isGone(error)) {
      found.delete(folder);
      return [];
    }
    if (folder === "" || !isDenied(error)) throw error;
    onUnreadable(folder, "this user may not read it");
    return [];
  };
  const found = new Map<string, LocalItem>();
  async function walk(folder: string): Promise<void> {
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(
      (error: unknown) => unreadable(folder, error),
    );
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.name === ownFolder || (!entry.isFile() && !entry.isDirectory())) continue;
      const item = await localItem(root, path);
      if (item) found.set(path, item);
      else if (path.includes("\uFFFD")) onUnreadable(path, "its name is not in UTF-8");
      if (item?.kind === "folder") await walk(path);
    }
  }
  await walk("");
  return found;
}

/** A file or a folder; undefined where there is none any more. */
export async function localItem(root: string, path: string): Promise<LocalItem | undefined> {
  const found = await lstat(join(root, path), { bigint: true }).catch(() => undefined);
  return (
    found && {
      path,
      kind: found.isDirectory() ? "folder" : "file",
      inode: String(found.ino),
      size: Number(found.size),
      changedMs: Number(found.mtimeNs) / 1e6,
    }
  );
}

/** The folder of a path; empty for what lies in the synced folder itself. */
export const folderOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf("/"), 0));
export const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
export const joined = (folder: string, name: string): string =>
  folder === "" ? name : `${folder}/${name}`;
