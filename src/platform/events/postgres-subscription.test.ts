import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { expect, ok } from "#kernel/result.ts";
import { testDatabase, type TestDatabase } from "../../../test/support/database.ts";
import {
  NoteId,
  postgresNotes,
  testContext,
  written,
  type Sighting,
} from "../../../test/support/notes.ts";
import { statement } from "../postgres/database.ts";
import { postgresUnitOfWork } from "../postgres/unit-of-work.ts";
import { systemClock as clock, systemIds as newId } from "../system.ts";
import { eventAdmin } from "./admin.ts";
import { renewEpoch } from "./epoch.ts";
import { postgresSubscription } from "./postgres-subscription.ts";
import {
  readSome,
  subscriptionContract,
  type SubscriptionSubject,
} from "./subscription.contract.ts";
import { LeaseLost } from "./subscription-store.ts";
import { WakeUp } from "./wake-up.ts";

const sightings = statement<Sighting>(
  "test.sightings",
  "select event_id, stream, version from scratch.sightings order by seen_at",
);

function subjectOn(opened: TestDatabase): SubscriptionSubject {
  const { database } = opened;
  const wakeUp = new WakeUp();
  const common = {
    ...{ database, schema: "scratch", scope: postgresNotes, clock, newId },
    onAppended: () => wakeUp.call(),
  };
  return {
    wakeUp,
    unitOfWork: postgresUnitOfWork(common).unitOfWork,
    store: (name, partitions) => postgresSubscription({ ...common, name, partitions }),
    sightings: () => database.query(sightings, []),
    replay: async () => void (await eventAdmin(database, "scratch").replay()),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

subscriptionContract("Postgres", async () => subjectOn(await testDatabase()));

const slowWriters = 32;
/** What is written in other databases of the cluster meanwhile may hold events back. */
const patienceMs = 10_000;

test("writers that hold their transactions open make readers wait, never skip", async () => {
  await using opened = await testDatabase({ maxConnections: 4 });
  const subject = subjectOn(opened);
  const store = await subject.store("slow", 1);
  const [lease] = await store.share("one", [], 60_000);
  assert.ok(lease);

  let { checkpoint } = lease;
  const read = new Set<string>();
  let writtenAt = Number.POSITIVE_INFINITY;
  const reading = (async () => {
    for (;;) {
      const last = Date.now() > writtenAt + patienceMs || read.size === slowWriters;
      for (const delivery of await store.read({ ...lease, checkpoint }, 100)) {
        read.add(delivery.event.id);
        checkpoint = delivery.checkpoint;
      }
      if (last) return;
    }
  })();
  await Promise.all(
    Array.from({ length: slowWriters }, (_, i) => holdAndCommit(opened, `evt_${i}`, i % 9)),
  );
  writtenAt = Date.now();
  await reading;
  assert.equal(read.size, slowWriters);
});

async function holdAndCommit({ connection }: TestDatabase, id: string, holdMs: number) {
  const client = new pg.Client(connection);
  await client.connect();
  await client.query("begin");
  await client.query(
    `insert into scratch.events
       (id, stream, version, type, schema_version, payload, metadata, occurred_at)
     values ($1, $1, 1, 'scratch.note-written', 1, '{}', '{}', now())`,
    [id],
  );
  await client.query("select pg_sleep($1)", [holdMs / 100]);
  await client.query("commit");
  await client.end();
}

test("after a restore into another cluster, readers still see new events", async () => {
  await using opened = await testDatabase();
  const { database } = opened;
  const subject = subjectOn(opened);
  const store = await subject.store("restored", 1);
  const [lease] = await store.share("one", [], 60_000);
  assert.ok(lease);
  const append = (title: string) =>
    subject.unitOfWork(testContext(), async ({ notes }) => ok(notes.save(written(title))));
  await append("old");
  // As a dump from a busier cluster would look like here: transaction ids far ahead of ours.
  await database.query(
    statement("test.far", "update scratch.events set transaction_id = '900000000000'"),
    [],
  );
  assert.deepEqual(await renewEpoch(database, "scratch"), { epoch: 2, restored: true });
  await append("new");

  const deliveries = await readSome(store, lease, 2);
  assert.deepEqual(
    deliveries.map(({ event, checkpoint }) => [
      (event.payload as { title: string }).title,
      checkpoint.epoch,
    ]),
    [
      ["old", 1],
      ["new", 2],
    ],
  );
  assert.deepEqual(await renewEpoch(database, "scratch"), { epoch: 2, restored: false });
});

test("only old events that everybody has read are pruned", async () => {
  await using opened = await testDatabase();
  const { database } = opened;
  const subject = subjectOn(opened);
  const admin = eventAdmin(database, "scratch");
  const store = await subject.store("reader", 1);
  const [lease] = await store.share("one", [], 60_000);
  assert.ok(lease);
  for (const title of ["read", "unread"])
    await subject.unitOfWork(testContext(), async ({ notes }) => ok(notes.save(written(title))));
  await database.query(
    statement("test.age", "update scratch.events set occurred_at = now() - interval '10 days'"),
    [],
  );
  const [first] = await readSome(store, lease, 1);
  assert.ok(first);
  await store.commit(lease, { checkpoint: first.checkpoint }, async () => {});

  assert.equal(await admin.prune(30, 100), 0);
  assert.equal(await admin.prune(5, 100), 1);
  assert.equal((await admin.list({ limit: 10 })).length, 1);
});

/** A lease on the only partition of a new subscription, with one event to read. */
async function oneToRead(subject: ReturnType<typeof subjectOn>) {
  const store = await subject.store("reader", 1);
  const [lease] = await store.share("one", [], 60_000);
  assert.ok(lease);
  expect(
    await subject.unitOfWork(testContext(), async ({ notes }) => ok(notes.save(written("read")))),
  );
  const [delivery] = await readSome(store, lease, 1);
  assert.ok(delivery);
  return { store, lease, ...delivery };
}

test("a handler that swallows a failure commits nothing, and its checkpoint stays", async () => {
  await using opened = await testDatabase();
  const { store, lease, event, checkpoint } = await oneToRead(subjectOn(opened));
  const swallowing = store.commit(lease, { checkpoint }, async (openScope) => {
    const { notes } = openScope(event);
    notes.sight({ event_id: "1", stream: "s", version: 1 });
    notes.sight({ event_id: "1", stream: "s", version: 1 });
    await notes.byId(newId(NoteId)).catch(() => {});
  });
  await assert.rejects(swallowing, /duplicate key/);
  assert.equal((await readSome(store, lease, 1)).length, 1);
});

test("a lost lease is known as such, whatever the handler was told on the way", async () => {
  await using opened = await testDatabase();
  const { store, lease, event, checkpoint } = await oneToRead(subjectOn(opened));
  const late = { ...lease, token: lease.token - 1 };
  const stale = store.commit(late, { checkpoint }, async (openScope) => {
    await openScope(event).notes.byId(newId(NoteId));
  });
  await assert.rejects(stale, LeaseLost);
});
