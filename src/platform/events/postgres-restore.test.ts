import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { event, registry, type Event } from "#kernel/event.ts";
import { connect, testDatabase, type TestDatabase } from "#test/database.ts";
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
const restoreTo = (position: number, { sql }: TestDatabase, next = [1, 2]) =>
  sql(`begin;
    delete from scratch.events where position > ${position};
    ${insertOf(
      next.map((n) => ({
        position: position + n,
        id: `evt_after_${n}`,
        stream: `after ${position + n}`,
      })),
    )};
    select setval('scratch.positions', ${position + next.length});
    commit`);

const streamsSeen = async ({ sightings }: Pick<SubscriptionSubject, "sightings">) =>
  (await sightings()).map(({ stream }) => stream);

/** A reader that passes over some events, and how far it has read. */
function passingReader(subject: SubscriptionSubject) {
  const Ignored = event("scratch.ignored", 1, {});
  const store = subject.store("sight");
  const read = { until: 0, looks: 0 };
  const looking: typeof store = {
    ...store,
    async look(before) {
      const look = await store.look(before);
      read.until = look.mark?.position ?? 0;
      read.looks += 1;
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
  const start = () => run(subject, reader, { store: looking, times: { leaseMs: 60_000 } });
  return { read, start };
}

test("delivers what replaces the end of a restored log, also where nothing was committed since", async () => {
  await using opened = await testDatabase();
  const subject = subjectOn(opened);
  const { read, start } = passingReader(subject);
  const { id } = await write(subject, "before the backup");
  await using _running = start();
  await seen(subject, 1);
  await opened.sql(insertOf([{ id: "evt_lost", stream: "lost" }], "ignored"));
  await until(() => read.until === 2);
  await sleep(100); // it has read it, and waits for more

  await restoreTo(1, opened);
  await seen(subject, 3);
  assert.deepEqual(await streamsSeen(subject), [id, "after 2", "after 3"]);
});

test("a transaction that is open at a look hides no restore from who has read further before", async () => {
  await using opened = await testDatabase();
  const subject = subjectOn(opened);
  const { read, start } = passingReader(subject);
  const { id } = await write(subject, "before the backup");
  await using _running = start();
  await seen(subject, 1);
  const lines = Array.from({ length: 68 }, (_, i) => ({ id: `evt_${i}`, stream: `lost ${i}` }));
  await opened.sql(insertOf(lines, "ignored"));
  await until(() => read.until === 69);
  await sleep(100);

  // Whoever writes holds the block of positions that it began in, which begins before what was read.
  const writer = await connect(opened);
  await writer.query("begin");
  await writer.query(insertOf([{ id: "evt_open", stream: "open" }], "ignored"));
  const { looks } = read;
  subject.wakeUp.call();
  await until(() => read.looks > looks);
  assert.equal(read.until, 69, "what was final stays final");

  await restoreTo(66, opened, [1, 2, 3]);
  await writer.query("rollback");
  await writer.end();
  await seen(subject, 4);
  assert.deepEqual(await streamsSeen(subject), [id, "after 67", "after 68", "after 69"]);
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
