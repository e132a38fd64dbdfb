import { unchanged, type Change } from "#kernel/change.ts";
import { event, registry, type EventOf } from "#kernel/event.ts";
import { identifier, type Id } from "#kernel/id.ts";
import { lines } from "#kernel/line.ts";
import { err, type Result } from "#kernel/result.ts";
import type { Brand } from "#kernel/shape.ts";
import { atVersion, Version, type PreconditionFailed, type Versioned } from "#kernel/version.ts";

export type NoteId = Id<"note">;
export const NoteId = identifier<NoteId>("note");

/** The user who wrote a note. */
export type AuthorId = Id<"user">;
export const AuthorId = identifier<AuthorId>("user");

export type NoteText = Brand<string, "NoteText">;
export const NoteText = lines<NoteText>("note", { min: 1, max: 1_000 });

export const NoteWritten = event("notes.note-written", 1, {
  noteId: NoteId,
  authorId: AuthorId,
  text: NoteText,
});
export const NoteRewritten = event("notes.note-rewritten", 1, { noteId: NoteId, text: NoteText });
export const noteEvents = registry(NoteWritten, NoteRewritten);
export type NoteEvent = EventOf<typeof noteEvents>;

export type Note = Versioned & {
  readonly id: NoteId;
  readonly authorId: AuthorId;
  readonly text: NoteText;
};

export type NoteNotFound = { readonly type: "note-not-found"; readonly noteId: NoteId };

export const Note = {
  /** The note, if there is one, and it has the version that the caller expects. */
  expected(
    note: Note | undefined,
    noteId: NoteId,
    version: Version | undefined,
  ): Result<Note, NoteNotFound | PreconditionFailed> {
    return note ? atVersion(note, version) : err({ type: "note-not-found", noteId });
  },

  write({ id, authorId, text }: Omit<Note, "version">): Change<Note, NoteEvent> {
    const note = { id, authorId, text, version: Version.none };
    return { state: note, events: [NoteWritten({ noteId: id, authorId, text })] };
  },

  rewrite(note: Note, text: NoteText): Change<Note, NoteEvent> {
    if (text === note.text) return unchanged(note);
    return { state: { ...note, text }, events: [NoteRewritten({ noteId: note.id, text })] };
  },
};
