import type { OnMemory } from "#platform/memory/memory-database.ts";
import type { ChunkStore } from "../application/ports/chunks.ts";
import { driveWith } from "../module.ts";
import { memoryChunks } from "./memory-chunks.ts";
import { memoryDrive } from "./memory-drive.ts";
import { memoryDriveTables } from "./memory-tables.ts";

/** The drive in memory. All processes that are composed of one answer share its tables and chunks. */
export function onMemory() {
  const scope = memoryDrive(memoryDriveTables());
  let chunks: ChunkStore | undefined;
  return driveWith<OnMemory>({
    scope,
    store: async (_settings, { clock }) => (chunks ??= memoryChunks(clock)),
  });
}
