import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { event, registry, type Event } from "#kernel/event.ts";
import { testDatabase, type TestDatabase } from "#test/database.ts";
import { NoteWritten, type NotesScope } from "#test/notes.ts";
import { until } from "#test/until.ts";
import { consumer } from "./consumer.ts";
import { mendPositions } from "./mend-positions.ts";
import { subjectOn } from "./testing/postgres-subject.ts";
import { run, seen, subscribe, write, type SubscriptionSubject } from "./testing/subject.ts";

type Row = { readonly id: string; readonly stream: string; readonly version?: number };

/** Events as another process appends them, where `position` says so at a place of their own. */
const insertOf = (rows: readonly (Row & { readonly position?: number })[], type = "note-written") =>
  `insert into scratch.events
     (position, stream, version, id, type, schema_version, payload, metadata, occurred_at) values
   ${rows
     .map(
       ({ position, stream, version = 1, id }) =>
         `(${position ?? "default"}, '${stream}', ${version}, '${id}', 'scratch.${type}', 1,
         '{"noteId": "note_01h455vb4pex5vsknk084sn02q", "title": "title"}',
         '{"actor": "a", "correlationId": "c"}', now())`,
     )
     .join()}`;

/** What a restore does to the log, and what is appended next: other events take their positions. */
const restoreTo = (position: number, { sql }: TestDatabase) =>
  sql(`begin;
    delete from scratch.events where position > ${position};
    ${insertOf(
      [1, 2].map((n) => ({
        position: position + n,
        id: `evt_after_${n}`,
        stream: `after ${position + n}`,
      })),
    )};
    select setval('scratch.positions', ${position + 2});
    commit`);

const streamsSeen = async ({ sightings }: Pick<SubscriptionSubject, "sightings">) =>
  (await sightings()).map(({ stream }) => stream);

test("delivers what replaces the end of a restored log, also where nothing was committed since", async () => {
  await using opened = await testDatabase();
  const subject = subjectOn(opened);
  const Ignored = event("scratch.ignored", 1, {});
  const store = subject.store("sight");
  let readUntil = 0;
  const looking: typeof store = {
    ...store,
    async look(before) {
      const look = await store.look(before);
      readUntil = look.mark?.position ?? 0;
      return look;
    },
  };
  const reader = consumer<Event, NotesScope>({
    name: "sight",
    events: registry(NoteWritten, Ignored),
    on: {
      "scratch.note-written": async ({ id, stream, version }, { notes }) =>
        notes.sight({ event_id: id, stream, version }),
    },
  });
  const { id } = await write(subject, "before the backup");
  await using _running = run(subject, reader, { store: looking, times: { leaseMs: 60_000 } });
  await seen(subject, 1);
  await opened.sql(insertOf([{ id: "evt_lost", stream: "lost" }], "ignored"));
  await until(() => readUntil === 2);
  await sleep(100); // it has read it, and waits for more

  await restoreTo(1, opened);
  await seen(subject, 3);
  assert.deepEqual(await streamsSeen(subject), [id, "after 2", "after 3"]);
});

test("keeps nothing of an event that a restore took back while it was handled", async () => {
  await using opened = await testDatabase();
  const subject = subjectOn(opened);
  const { id } = await write(subject, "before the backup");
  const [begun, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await using _running = subscribe(subject, async ({ version }) => {
    if (version !== 2) return;
    begun.resolve();
    await end.promise;
  });
  await seen(subject, 1);
  await opened.sql(insertOf([{ id: "evt_lost", stream: "lost", version: 2 }]));
  subject.wakeUp.call();
  await begun.promise;
  await restoreTo(1, opened);
  end.resolve();
  await seen(subject, 3);
  assert.deepEqual(await streamsSeen(subject), [id, "after 2", "after 3"]);
});

test("a log whose sequence is behind goes on after all that was drawn before", async () => {
  await using opened = await testDatabase();
  const subject = subjectOn(opened);
  await write(subject, "first");
  await write(subject, "second");
  assert.equal(await mendPositions(opened.database, "scratch"), false);
  await opened.sql("select setval('scratch.positions', 1)");
  assert.equal(await mendPositions(opened.database, "scratch"), true);
  await write(subject, "third");
  await using _running = subscribe(subject);
  await seen(subject, 3);
});
