import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

/** Start time in clock ticks since boot where the system tells it (Linux), else "". */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** The living process that holds the folder. A lock whose process is gone counts as none. */
export function holderOf(folder: string): Holder | undefined {
  let holder: Holder;
  try {
    holder = JSON.parse(readFileSync(fileIn(folder), "utf8")) as Holder;
  } catch {
    return undefined;
  }
  return isAlive(holder.pid) && startOf(holder.pid) === holder.startedAt ? holder : undefined;
}

/** Takes the folder for this process; answers the living holder where there is one. */
export function takeLock(folder: string, connection: ClientConfig): Holder | undefined {
  mkdirSync(folder, { recursive: true });
  const self: Holder = { pid: process.pid, startedAt: startOf(process.pid), connection };
  const draft = `${fileIn(folder)}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(self), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      if (linked(draft, fileIn(folder))) return undefined;
      const holder = holderOf(folder);
      if (holder) return holder;
      rmSync(fileIn(folder), { force: true });
    }
    throw new Error(`Several processes fight for ${fileIn(folder)}`);
  } finally {
    rmSync(draft, { force: true });
  }
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
