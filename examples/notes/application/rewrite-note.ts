import type { Context } from "#kernel/context.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Version, type PreconditionFailed } from "#kernel/version.ts";
import { Note, NoteId, NoteText, type NoteNotFound } from "../domain/note.ts";
import { Permissions } from "./permission.ts";
import type { NotesScope } from "./ports.ts";

export const RewriteNote = shape({
  noteId: NoteId,
  expectedVersion: optional(Version),
  text: NoteText,
});
export type RewriteNote = Infer<typeof RewriteNote>;

type Deps = { readonly unitOfWork: UnitOfWork<NotesScope>; readonly mayAct: MayAct };
type Outcome = Result<Note, NoteNotFound | PreconditionFailed | Forbidden | Conflict>;

/** Replaces the text of a note, for its author and for callers with `notes:rewrite`. */
export const rewriteNote =
  ({ unitOfWork, mayAct }: Deps) =>
  async ({ noteId, expectedVersion, text }: RewriteNote, context: Context): Promise<Outcome> =>
    unitOfWork(context, async ({ notes }): Promise<Outcome> => {
      const note = await notes.byId(noteId);
      if (!note) return err({ type: "note-not-found", noteId });
      const owner = note.authorId;
      const allowed = await mayAct(context, Permissions.rewriteNote, { owner });
      if (!allowed.ok) return allowed;
      const found = Note.expected(note, noteId, expectedVersion);
      return found.ok ? ok(notes.save(Note.rewrite(found.value, text))) : found;
    });
