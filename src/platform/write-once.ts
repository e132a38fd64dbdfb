import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, rmSync, writeSync } from "node:fs";

/**
 * Makes a file that only its owner may read, unless the file exists. Another process sees the whole file or none, also where this process
 * is killed.
 */
export function writeOnce(file: string, text: string): void {
  const draft = `${file}.${randomUUID()}`;
  const opened = openSync(draft, "wx", 0o600);
  try {
    writeSync(opened, text);
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
  try {
    linkSync(draft, file);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    rmSync(draft);
  }
}
