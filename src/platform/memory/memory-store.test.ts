import { systemClock as clock, systemIds as newId } from "../system.ts";
import { unitOfWorkContract } from "../unit-of-work.contract.ts";
import { memoryNotes, memoryNoteTables } from "../../../test/support/notes.ts";
import { MemoryStore } from "./memory-store.ts";

unitOfWorkContract("memory", async () => {
  let announcements = 0;
  const store = new MemoryStore({ clock, newId }, () => {
    announcements += 1;
  });
  return {
    ...store.units(memoryNotes(memoryNoteTables())),
    events: async () => store.log,
    announcements: () => announcements,
    audit: store.audit,
    async [Symbol.asyncDispose]() {},
  };
});
