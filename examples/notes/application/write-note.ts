import type { Context } from "#kernel/context.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import type { NewId } from "#kernel/id.ts";
import { expect, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { AuthorId, Note, NoteId, NoteText } from "../domain/note.ts";
import { Permissions } from "./permission.ts";
import type { NotesScope } from "./ports.ts";

export const WriteNote = shape({ text: NoteText });
export type WriteNote = Infer<typeof WriteNote>;

type Deps = {
  readonly unitOfWork: UnitOfWork<NotesScope>;
  readonly mayAct: MayAct;
  readonly newId: NewId;
};

/** Writes a note in the name of the actor. */
export const writeNote =
  ({ unitOfWork, mayAct, newId }: Deps) =>
  async ({ text }: WriteNote, context: Context): Promise<Result<Note, Forbidden | Conflict>> => {
    const allowed = await mayAct(context, Permissions.writeNote);
    if (!allowed.ok) return allowed;
    const authorId = expect(AuthorId.parse(context.actor));
    return unitOfWork(context, async ({ notes }) =>
      ok(notes.save(Note.write({ id: newId(NoteId), authorId, text }))),
    );
  };
