import type { Context } from "#kernel/context.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { AuthorId, type Note } from "../domain/note.ts";
import { Permissions } from "./permission.ts";
import type { NotesScope } from "./ports.ts";

export const ListNotes = shape({ authorId: AuthorId });
export type ListNotes = Infer<typeof ListNotes>;

const listedAtMost = 100;

type Deps = { readonly read: Read<NotesScope>; readonly mayAct: MayAct };

/** Lists the newest notes of an author, for the author and for callers with `notes:read`. */
export const listNotes =
  ({ read, mayAct }: Deps) =>
  async (
    { authorId }: ListNotes,
    context: Context,
  ): Promise<Result<readonly Note[], Forbidden>> => {
    const allowed = await mayAct(context, Permissions.readNotes, { owner: authorId });
    if (!allowed.ok) return allowed;
    return ok(await read(context, ({ notes }) => notes.ofAuthor(authorId, listedAtMost)));
  };
