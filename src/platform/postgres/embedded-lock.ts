import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import type { ClientConfig } from "pg";

/** The process that holds a data folder, and the address of its Postgres. */
export type Holder = {
  readonly pid: number;
  /** Tells a living holder from another process that was given the same pid. */
  readonly startedAt: string;
  readonly connection: ClientConfig;
};

const fileIn = (folder: string) => path.join(folder, "basalt.lock");

/** The fields of `/proc/PID/stat` from the process state on; none on systems without it. */
function statusOf(pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}

/** Start time in clock ticks since boot where the system tells it, else "". */
const startOf = (pid: number): string => statusOf(pid)[19] ?? "";

/** A killed process whose parent does not ask for its end, as in some containers, does nothing any more. */
const isZombie = (pid: number): boolean => statusOf(pid)[0] === "Z";

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** The living process that holds the folder. A lock whose process is gone counts as none. */
export const holderOf = (folder: string): Holder | undefined => holderIn(fileIn(folder));

function holderIn(file: string): Holder | undefined {
  let holder: Holder;
  try {
    holder = JSON.parse(readFileSync(file, "utf8")) as Holder;
  } catch {
    return undefined;
  }
  return isAlive(holder.pid) && startOf(holder.pid) === holder.startedAt ? holder : undefined;
}

/**
 * How long a taken lock is left alone before it counts. Another process may have seen the stale lock before it, and
 * moves the wrong one away; it brings that back within this time.
 */
const settledMs = 20;
const waiting = new Int32Array(new SharedArrayBuffer(4));

/** Takes the folder for this process; answers the living holder where there is one. */
export function takeLock(folder: string, connection: ClientConfig): Holder | undefined {
  mkdirSync(folder, { recursive: true });
  const self: Holder = { pid: process.pid, startedAt: startOf(process.pid), connection };
  const draft = `${fileIn(folder)}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(self), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 10; attempt += 1) {
      if (linked(draft, fileIn(folder))) {
        Atomics.wait(waiting, 0, 0, settledMs);
        if (statSync(fileIn(folder), { throwIfNoEntry: false })?.ino === statSync(draft).ino)
          return undefined;
      }
      const holder = holderOf(folder);
      if (holder) return holder;
      dropStale(folder);
    }
    throw new Error(`Several processes fight for ${fileIn(folder)}`);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Moves a stale lock away, and brings it back if another process has taken the folder in between. */
function dropStale(folder: string): void {
  const aside = `${fileIn(folder)}.stale.${process.pid}`;
  try {
    renameSync(fileIn(folder), aside);
  } catch {
    return; // another process was faster
  }
  if (holderIn(aside)) linked(aside, fileIn(folder));
  rmSync(aside, { force: true });
}

/** A link appears with its content at once, so that no reader sees half a lock. */
function linked(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

export const dropLock = (folder: string): void => rmSync(fileIn(folder), { force: true });
