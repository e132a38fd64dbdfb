import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  readlinkSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClientConfig } from "pg";

/** The process that holds a data folder, and the address of its Postgres. */
export type Holder = {
  readonly pid: number;
  /** Tells a living holder from another process that was given the same pid. */
  readonly startedAt: string;
  /** Where this pid means that process: a boot of a machine, and a container. Locks of older releases have none. */
  readonly place?: string;
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

/** Tells containers and machines apart that share a folder; "" on systems without containers of their own. */
const place = (): string => {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return "";
  }
};

const isElsewhere = (holder: Holder): boolean => (holder.place ?? place()) !== place();

/** A process in another container cannot be asked for by its pid. It is alive as long as it renews its lock. */
const renewEveryMs = 2_000;
const goneAfterMs = 30_000;

const renewedAt = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

const isFresh = (file: string): boolean => Math.abs(Date.now() - renewedAt(file)) < goneAfterMs;

/** Watches a lock until it is renewed, or until a living process would have renewed it; answers whether it was. */
async function isRenewed(file: string): Promise<boolean> {
  const before = renewedAt(file);
  for (const deadline = Date.now() + goneAfterMs; Date.now() < deadline; await sleep(100)) {
    const now = renewedAt(file);
    if (now !== before) return now !== 0;
  }
  return false;
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
  const isLiving = isElsewhere(holder)
    ? isFresh(file)
    : isAlive(holder.pid) && startOf(holder.pid) === holder.startedAt;
  return isLiving ? holder : undefined;
}

/**
 * How long a taken lock is left alone before it counts. Another process may have seen the stale lock before it, and
 * moves the wrong one away; it brings that back within this time.
 */
const settledMs = 20;
const waiting = new Int32Array(new SharedArrayBuffer(4));

/** A folder that this process holds until it drops it. */
export type Lock = { readonly drop: () => void };

/**
 * Takes the folder for this process; answers the living holder where there is one. `onWait` is called where it takes
 * up to half a minute to find out whether a holder in another container is alive.
 */
export async function takeLock(
  folder: string,
  connection: ClientConfig,
  onWait: () => void,
): Promise<Lock | Holder> {
  mkdirSync(folder, { recursive: true });
  const startedAt = startOf(process.pid);
  const self: Holder = { pid: process.pid, startedAt, place: place(), connection };
  const draft = `${fileIn(folder)}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(self), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 10; attempt += 1) {
      renew(draft);
      if (linked(draft, fileIn(folder))) {
        Atomics.wait(waiting, 0, 0, settledMs);
        if (statSync(fileIn(folder), { throwIfNoEntry: false })?.ino === statSync(draft).ino)
          return kept(folder);
      }
      const holder = holderOf(folder);
      if (holder && !isElsewhere(holder)) return holder;
      if (holder) onWait();
      if (holder && (await isRenewed(fileIn(folder)))) return holder;
      dropStale(folder);
    }
    throw new Error(`Several processes fight for ${fileIn(folder)}`);
  } finally {
    rmSync(draft, { force: true });
  }
}

const renew = (file: string): void => utimesSync(file, new Date(), new Date());

function kept(folder: string): Lock {
  const timer = setInterval(() => {
    try {
      renew(fileIn(folder));
    } catch {
      // The folder is gone or its disk is away; the next attempt may succeed.
    }
  }, renewEveryMs).unref();
  const drop = () => {
    clearInterval(timer);
    rmSync(fileIn(folder), { force: true });
  };
  return { drop };
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
