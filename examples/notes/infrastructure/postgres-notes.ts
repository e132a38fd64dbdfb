import { idOf, saving } from "#kernel/repository.ts";
import type { Version } from "#kernel/version.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import type { NotesScope, Tally } from "../application/ports.ts";
import type { AuthorId, Note, NoteEvent, NoteId, NoteText } from "../domain/note.ts";

type Row = {
  readonly id: string;
  readonly author_id: string;
  readonly text: string;
  readonly version: number;
};

const byId = statement<Row>(
  "notes.by-id",
  "select id, author_id, text, version from notes.notes where id = $1",
);
const ofAuthor = statement<Row>(
  "notes.of-author",
  `select id, author_id, text, version from notes.notes
    where author_id = $1 order by id desc limit $2`,
);
/** A new note, or the next version of one. */
const upsert = mutation(
  "notes.upsert",
  "notes",
  `insert into notes.notes (id, author_id, text, version) values ($1, $2, $3, $4)
   on conflict (id) do update set text = excluded.text, version = excluded.version`,
);
const tallies = statement<Tally>(
  "notes.tallies",
  `select author_id as "authorId", notes from notes.tallies order by notes desc, author_id`,
);
const tally = mutation(
  "notes.tally",
  "tallies",
  `insert into notes.tallies as t (author_id, notes) values ($1, 1)
   on conflict (author_id) do update set notes = t.notes + 1`,
);

const toNote = ({ id, author_id, text, version }: Row): Note => ({
  id: id as NoteId,
  authorId: author_id as AuthorId,
  text: text as NoteText,
  version: version as Version,
});

/** All repositories of the notes on one transaction. */
export const postgresNotes = ({ read, write, append }: Transaction): NotesScope => ({
  notes: {
    async byId(id) {
      const [row] = await read(byId, [id]);
      return row && toNote(row);
    },
    ofAuthor: async (authorId, limit) => (await read(ofAuthor, [authorId, limit])).map(toNote),
    save: saving<Note, NoteEvent>(append, idOf, ({ id, authorId, text, version }) =>
      write(upsert, [id, authorId, text, version]),
    ),
  },
  tallies: {
    add: (authorId) => write(tally, [authorId]),
    all: () => read(tallies, []),
  },
});
