import { list, named, shape } from "#kernel/shape.ts";
import { get, patch, post, type Route } from "#platform/http/route.ts";
import { ListNotes } from "../application/list-notes.ts";
import { RewriteNote } from "../application/rewrite-note.ts";
import { WriteNote } from "../application/write-note.ts";
import { AuthorId, NoteId, NoteText } from "../domain/note.ts";
import type { NotesHandlers } from "../index.ts";

const NoteView = named("Note", shape({ id: NoteId, authorId: AuthorId, text: NoteText }));
const NotesView = named("Notes", shape({ items: list(NoteView, 100) }));

/** Everything that the notes answer over HTTP. */
export const noteRoutes = (notes: NotesHandlers): readonly Route[] => [
  post("/notes", {
    access: "signed-in",
    id: "writeNote",
    summary: "Write a note",
    input: WriteNote,
    handle: notes.writeNote,
    success: 201,
    output: NoteView,
    version: ({ version }) => version,
    refusals: { forbidden: 403, conflict: 409 },
  }),
  patch("/notes/:noteId", {
    access: "signed-in",
    id: "rewriteNote",
    summary: "Rewrite a note",
    description: "Replaces the text, for the author of the note.",
    input: RewriteNote,
    handle: notes.rewriteNote,
    success: 200,
    output: NoteView,
    version: ({ version }) => version,
    refusals: { "note-not-found": 404, "precondition-failed": 412, forbidden: 403, conflict: 409 },
  }),
  get("/authors/:authorId/notes", {
    access: "signed-in",
    id: "listNotesOfAuthor",
    summary: "List the notes of an author",
    description: "The newest 100 notes of an author, newest first.",
    input: ListNotes,
    handle: notes.listNotes,
    success: 200,
    output: NotesView,
    present: (items) => ({ items }),
    refusals: { forbidden: 403 },
  }),
];
