import assert from "node:assert/strict";
import { test } from "node:test";
import { expect } from "#kernel/result.ts";
import { newId } from "#test/values.ts";
import { AuthorId, Note, NoteId, NoteText } from "./note.ts";

test("a note that is written is announced with its text", () => {
  const written = { id: newId(NoteId), authorId: newId(AuthorId), text: textOf("mine") };

  const { state, events } = Note.write(written);

  assert.deepEqual(state, { ...written, version: 0 });
  const { id: noteId, authorId, text } = written;
  assert.deepEqual(
    events.map(({ type, payload }) => ({ type, payload })),
    [{ type: "notes.note-written", payload: { noteId, authorId, text } }],
  );
});

test("a note that is rewritten is announced, unless its text stays the same", () => {
  const { state } = Note.write({ id: newId(NoteId), authorId: newId(AuthorId), text: textOf("a") });

  const { state: rewritten, events } = Note.rewrite(state, textOf("b"));

  assert.equal(rewritten.text, "b");
  assert.deepEqual(
    events.map(({ payload }) => payload),
    [{ noteId: state.id, text: "b" }],
  );
  assert.deepEqual(Note.rewrite(state, state.text).events, []);
});

test("the text of a note has 1 to 1000 characters", () => {
  for (const text of ["", "x".repeat(1_001)]) assert.equal(NoteText.parse(text).ok, false);
  assert.equal(textOf("x".repeat(1_000)).length, 1_000);
});

const textOf = (text: string) => expect(NoteText.parse(text));
