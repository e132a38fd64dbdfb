import { MemoryStore } from "#platform/memory/memory-store.ts";
import { systemRuntime } from "#platform/system.ts";
import { memoryNotes } from "./memory-notes.ts";
import { notesContract } from "./notes.contract.ts";

notesContract("memory", async () => ({
  ...new MemoryStore(systemRuntime).units(memoryNotes()),
  async [Symbol.asyncDispose]() {},
}));
