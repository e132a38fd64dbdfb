import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { writeOnce } from "../write-once.ts";
import { masterKeyIds, newMasterKey } from "./secrets.ts";

const fileIn = (folder: string) => path.join(folder, "master.key");

/** The ids of the master keys of a setting, or of the file if there is one. */
export function knownMasterKeys(masterKey: string | undefined, folder: string): readonly string[] {
  if (masterKey !== undefined) return masterKeyIds(masterKey);
  return existsSync(fileIn(folder)) ? masterKeyIds(readFileSync(fileIn(folder), "utf8")) : [];
}

/** Makes a master key on first use, in a file that only its owner may read. */
export function masterKeyFile(folder: string): string {
  const file = fileIn(folder);
  mkdirSync(folder, { recursive: true });
  if (!existsSync(file)) writeOnce(file, newMasterKey());
  if (process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0)
    throw new Error(`${file} can be read by others: chmod 600 it, and consider it known`);
  return readFileSync(file, "utf8");
}
