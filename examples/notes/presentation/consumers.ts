import { consumer } from "#platform/events/consumer.ts";
import type { NotesScope } from "../application/ports.ts";
import { noteEvents } from "../domain/note.ts";

/** Counts the notes of each author, exactly once. */
export const notesConsumers = [
  consumer({
    name: "notes.tallies",
    events: noteEvents,
    on: {
      "notes.note-written": async ({ payload }, { tallies }: NotesScope) =>
        tallies.add(payload.authorId),
    },
  }),
];
