import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { err, expect, ok } from "#kernel/result.ts";
import type { Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Version } from "#kernel/version.ts";
import { systemClock as clock, systemIds } from "#platform/system.ts";
import { createMetrics } from "#platform/telemetry/metrics.ts";
import { testContext } from "#test/context.ts";
import { newId } from "#test/values.ts";
import { Permissions } from "../application/permission.ts";
import type { NotesScope } from "../application/ports.ts";
import { AuthorId, NoteId, NoteText } from "../domain/note.ts";
import { createNotes } from "../index.ts";

/** What the notes work on: adapters differ here only. */
export type NotesSubject = AsyncDisposable & {
  readonly unitOfWork: UnitOfWork<NotesScope>;
  readonly read: Read<NotesScope>;
};

/** What the notes do, on every adapter of their repositories. */
export function notesContract(adapter: string, open: () => Promise<NotesSubject>): void {
  const ada = newId(AuthorId);
  const asAda = testContext({ actor: ada });
  const text = expect(NoteText.parse("mine"));

  async function given() {
    const subject = await open();
    const notes = createNotes({
      ...subject,
      clock,
      newId: systemIds,
      metrics: createMetrics(),
      audit: { enter: async () => {} },
      mayAct: async ({ actor }, permission, on) =>
        permission === Permissions.writeNote || on?.owner === actor
          ? ok(undefined)
          : err({ type: "forbidden", permission }),
    });
    return { ...subject, notes };
  }

  describe(`notes on ${adapter}`, () => {
    test("an author lists their notes, newest first", async () => {
      await using subject = await given();
      const { notes } = subject;
      const first = expect(await notes.writeNote({ text }, asAda));
      const second = expect(await notes.writeNote({ text }, asAda));

      assert.deepEqual(await notes.listNotes({ authorId: ada }, asAda), ok([second, first]));
    });

    test("an author rewrites a note, whose next version it is", async () => {
      await using subject = await given();
      const { notes } = subject;
      const note = expect(await notes.writeNote({ text }, asAda));
      const better = expect(NoteText.parse("better"));

      const rewritten = expect(await notes.rewriteNote({ noteId: note.id, text: better }, asAda));

      assert.deepEqual(rewritten, { ...note, text: better, version: note.version + 1 });
      assert.deepEqual(await notes.listNotes({ authorId: ada }, asAda), ok([rewritten]));
    });

    test("a note is rewritten neither by others, nor from a stale version, nor unless it exists", async () => {
      await using subject = await given();
      const { notes } = subject;
      const { id: noteId, version } = expect(await notes.writeNote({ text }, asAda));
      const asBob = testContext({ actor: newId(AuthorId) });
      const unknown = newId(NoteId);

      assert.deepEqual(
        await notes.rewriteNote({ noteId, text }, asBob),
        err({ type: "forbidden", permission: Permissions.rewriteNote }),
      );
      assert.deepEqual(
        await notes.rewriteNote({ noteId, text, expectedVersion: Version.none }, asAda),
        err({ type: "precondition-failed", currentVersion: version }),
      );
      assert.deepEqual(
        await notes.rewriteNote({ noteId: unknown, text }, asAda),
        err({ type: "note-not-found", noteId: unknown }),
      );
    });

    test("the notes of others are refused", async () => {
      await using subject = await given();
      const asBob = testContext({ actor: newId(AuthorId) });

      const refused = await subject.notes.listNotes({ authorId: ada }, asBob);

      assert.deepEqual(refused, err({ type: "forbidden", permission: Permissions.readNotes }));
    });

    test("tallies are listed with the busiest author first", async () => {
      await using subject = await given();
      const bob = newId(AuthorId);
      for (const author of [ada, bob, bob])
        await subject.unitOfWork(testContext(), async ({ tallies }) => ok(tallies.add(author)));

      const tallies = await subject.read(testContext(), ({ tallies: all }) => all.all());

      assert.deepEqual(tallies, [
        { authorId: bob, notes: 2 },
        { authorId: ada, notes: 1 },
      ]);
    });
  });
}
