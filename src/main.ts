import { startBasalt as start } from "#platform/process/start.ts";
import type { Logger } from "pino";
import type { Settings } from "#platform/config/settings.ts";
import { basalt } from "./composition.ts";

/** Starts Basalt with all its contexts; `introduce` hears what a person must know. */
export const startBasalt = (settings: Settings, log: Logger, introduce?: (says: string) => void) =>
  start(basalt, settings, log, introduce);
