import type { OnMemory } from "#platform/memory/memory-database.ts";
import { notesWith } from "../module.ts";
import { memoryNotes } from "./memory-notes.ts";

/** The notes in memory. All processes that are composed of one answer share its tables. */
export const onMemory = () => notesWith<OnMemory>(memoryNotes());
