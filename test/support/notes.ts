import { saved, type Change } from "#kernel/change.ts";
import { event, registry, type Event, type EventOf } from "#kernel/event.ts";
import { identifier, type Id } from "#kernel/id.ts";
import { expect } from "#kernel/result.ts";
import { branded, type Brand } from "#kernel/shape.ts";
import { Version, type Versioned } from "#kernel/version.ts";
import { MemoryTable } from "#platform/memory/memory-table.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import { systemIds } from "#platform/system.ts";

/** The smallest context there is, for the platform's own tests. */
export type NoteId = Id<"note">;
export const NoteId = identifier<NoteId>("note");
export type Title = Brand<string, "Title">;
export const Title = branded<Title>("title", { schema: { type: "string", minLength: 1 } });

export const NoteWritten = event("scratch.note-written", 1, { noteId: NoteId, title: Title });
const NoteArchived = event("scratch.note-archived", 1, { noteId: NoteId });
export const noteEvents = registry(NoteWritten);
/** Of a newer release. */
export const newerNoteEvents = registry(NoteWritten, NoteArchived);
export type NoteEvent = EventOf<typeof noteEvents>;

export type Note = Versioned & { readonly id: NoteId; readonly title: Title };

export type Sighting = {
  readonly event_id: string;
  readonly stream: string;
  readonly version: number;
};

export type Notes = {
  readonly byId: (id: NoteId) => Promise<Note | undefined>;
  readonly save: (change: Change<Note, Event>) => Note;
  /** An effect of a consumer. */
  readonly sight: (sighting: Sighting) => void;
};
export type NotesScope = { readonly notes: Notes };

const noteById = statement<{ id: string; title: string; version: number }>(
  "scratch.note-by-id",
  "select id, title, version from scratch.notes where id = $1",
);
const upsertNote = mutation(
  "scratch.note-upsert",
  "notes",
  `insert into scratch.notes (id, title, version) values ($1, $2, $3)
   on conflict (id) do update set title = excluded.title, version = excluded.version`,
);
const insertSighting = mutation(
  "scratch.sighting-insert",
  "sightings",
  "insert into scratch.sightings (event_id, stream, version) values ($1, $2, $3)",
);

export const postgresNotes = ({ read, write, append }: Transaction): NotesScope => ({
  notes: {
    async byId(id) {
      const [row] = await read(noteById, [id]);
      return (
        row && { id: row.id as NoteId, title: row.title as Title, version: row.version as Version }
      );
    },
    save(change) {
      const note = saved(change);
      write(upsertNote, [note.id, note.title, note.version]);
      append(note.id, change.state.version, change.events);
      return note;
    },
    sight: ({ event_id, stream, version }) => write(insertSighting, [event_id, stream, version]),
  },
});

export const memoryNoteTables = () => ({
  notes: new MemoryTable<Note>(({ title }) => title),
  sightings: new MemoryTable<Sighting>(({ event_id }) => event_id),
});

export const memoryNotes =
  ({ notes, sightings }: ReturnType<typeof memoryNoteTables>) =>
  ({ put, append }: MemoryTransaction): NotesScope => ({
    notes: {
      byId: async (id) => notes.rows.get(id),
      save(change) {
        const note = saved(change);
        put(notes, note.id, note);
        append(note.id, change.state.version, change.events);
        return note;
      },
      // A new key each time: seeing an event twice breaks the table's uniqueness, as in Postgres.
      sight: (sighting) => put(sightings, `${sightings.rows.size}/${systemIds(NoteId)}`, sighting),
    },
  });

export const titled = (text: string): Title => expect(Title.parse(text));

/** A note as it is written for the first time. */
export function written(title: string, id: NoteId = systemIds(NoteId)): Change<Note, NoteEvent> {
  const note: Note = { id, title: titled(title), version: Version.none };
  return { state: note, events: [NoteWritten({ noteId: id, title: note.title })] };
}

/** The note, with another title. */
export function retitled(note: Note, title: string): Change<Note, NoteEvent> {
  const next = { ...note, title: titled(title) };
  return { state: next, events: [NoteWritten({ noteId: note.id, title: next.title })] };
}

/** The note, with an event that only a newer release knows. */
export const archived = (note: Note): Change<Note, Event> => ({
  state: note,
  events: [NoteArchived({ noteId: note.id })],
});
