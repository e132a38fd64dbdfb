/** Notes: short texts that users write. An example of a context of one's own. */
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { MayAct } from "#kernel/permission.ts";
import type { Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import type { Audit } from "#kernel/audit.ts";
import { createHandlers } from "#platform/handlers/handlers.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import { listNotes } from "./application/list-notes.ts";
import type { NotesScope } from "./application/ports.ts";
import { rewriteNote } from "./application/rewrite-note.ts";
import { writeNote } from "./application/write-note.ts";

export { noteEvents } from "./domain/note.ts";

export type NotesDeps = {
  readonly unitOfWork: UnitOfWork<NotesScope>;
  readonly read: Read<NotesScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly metrics: Metrics;
  readonly audit: Pick<Audit, "enter">;
};

/** All that the notes can be asked to do. */
export const createNotes = (deps: NotesDeps) =>
  createHandlers(
    "notes",
    { writeNote: writeNote(deps), rewriteNote: rewriteNote(deps), listNotes: listNotes(deps) },
    { ...deps, denials: ["forbidden"] },
  );

export type NotesHandlers = ReturnType<typeof createNotes>;
