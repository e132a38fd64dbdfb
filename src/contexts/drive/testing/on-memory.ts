import type { OnMemory } from "#platform/memory/memory-database.ts";
import { driveWith } from "../module.ts";
import { memoryChunks } from "./memory-chunks.ts";
import { memoryDrive, memoryDriveTables } from "./memory-drive.ts";

/** The drive in memory. All processes that are composed of one answer share its tables and chunks. */
export function onMemory() {
  const scope = memoryDrive(memoryDriveTables());
  const chunks = memoryChunks();
  return driveWith<OnMemory>({ scope, store: () => chunks });
}
