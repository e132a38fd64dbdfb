import type { Saves } from "#kernel/repository.ts";
import type { AuthorId, Note, NoteEvent, NoteId } from "../domain/note.ts";

export type Notes = Saves<Note, NoteEvent> & {
  readonly byId: (id: NoteId) => Promise<Note | undefined>;
  /** Notes of an author, newest first, at most `limit`. */
  readonly ofAuthor: (authorId: AuthorId, limit: number) => Promise<readonly Note[]>;
};

/** How many notes each author has written. */
export type Tallies = {
  readonly add: (authorId: AuthorId) => void;
  readonly all: () => Promise<readonly Tally[]>;
};
export type Tally = { readonly authorId: AuthorId; readonly notes: number };

/** All repositories of the notes, bound to one transaction. */
export type NotesScope = { readonly notes: Notes; readonly tallies: Tallies };
