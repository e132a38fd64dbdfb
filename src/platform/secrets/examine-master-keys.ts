import type { Settings } from "../config/settings.ts";
import type { Finding } from "../process/module.ts";
import { knownMasterKeys } from "./master-key-file.ts";

/** Whether the master keys at hand open all that is sealed under those that are needed. */
export function examineMasterKeys(
  what: string,
  needed: readonly string[],
  { masterKey, dataFolder }: Pick<Settings, "masterKey" | "dataFolder">,
): Finding {
  const known = knownMasterKeys(masterKey, dataFolder);
  const missing = needed.filter((id) => !known.includes(id));
  const says =
    missing.length === 0
      ? "opens what is sealed"
      : `secrets were sealed with master key ${missing.join(", ")}, which is not among those of this folder: add it behind the others`;
  return { ok: missing.length === 0, what, says };
}
