import { readFile, rm, writeFile } from "node:fs/promises";

/** Locks of this process. */
const held = new Set<string>();

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Holds a lock file until it is disposed of. What a process has held that is gone is free. */
export async function alone(lock: string, what: string): Promise<AsyncDisposable> {
  const holder = Number(await readFile(lock, "utf8").catch(() => ""));
  const isOther = holder > 0 && holder !== process.pid && isRunning(holder);
  if (isOther || held.has(lock))
    throw new Error(`another sync of ${what} goes on: process ${holder}`);
  held.add(lock);
  await writeFile(lock, `${process.pid}`);
  return {
    async [Symbol.asyncDispose]() {
      held.delete(lock);
      await rm(lock, { force: true });
    },
  };
}
