import { idOf, saving } from "#kernel/repository.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import { MemoryTable } from "#platform/memory/memory-table.ts";
import type { NotesScope, Tally } from "../application/ports.ts";
import type { Note, NoteEvent } from "../domain/note.ts";

/** All repositories of the notes in memory, on tables of their own. */
export function memoryNotes(): (transaction: MemoryTransaction) => NotesScope {
  const notes = new MemoryTable<Note>();
  const tallies = new MemoryTable<Tally>();
  return ({ put, change, append }) => ({
    notes: {
      byId: async (id) => notes.rows.get(id),
      save: saving<Note, NoteEvent>(append, idOf, (note) => put<Note>(notes, note.id, note)),
      ofAuthor: async (authorId, limit) =>
        [...notes.rows.values()]
          .filter((note) => note.authorId === authorId)
          .toSorted((a, b) => (a.id < b.id ? 1 : -1))
          .slice(0, limit),
    },
    tallies: {
      add: (authorId) =>
        change<Tally>(tallies, authorId, (before) => ({
          authorId,
          notes: (before?.notes ?? 0) + 1,
        })),
      all: async () =>
        [...tallies.rows.values()].toSorted(
          (a, b) => b.notes - a.notes || (a.authorId < b.authorId ? -1 : 1),
        ),
    },
  });
}
