import type { Change } from "#kernel/change.ts";
import type { Context } from "#kernel/context.ts";
import type { Result } from "#kernel/result.ts";
import type { AuthorId, Note, NoteEvent } from "../domain/note.ts";

export type Notes = {
  readonly save: (change: Change<Note, NoteEvent>) => Note;
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

export type Permission = "notes:write" | "notes:read";
/** The actor may not do this. */
export type Forbidden = { readonly type: "forbidden"; readonly permission: Permission };
/** Whether the actor has a permission, or owns what it is about. */
export type MayAct = (
  context: Context,
  permission: Permission,
  on?: { readonly owner: AuthorId },
) => Promise<Result<void, Forbidden>>;
