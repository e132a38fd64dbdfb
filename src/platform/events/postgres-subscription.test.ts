import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Instant } from "#kernel/instant.ts";
import { expect } from "#kernel/result.ts";
import { connect, testDatabase } from "#test/database.ts";
import { NoteId, postgresNotes } from "#test/notes.ts";
import { statement } from "../postgres/database.ts";
import { systemClock as clock, systemIds as newId } from "../system.ts";
import { eventAdmin } from "./admin.ts";
import { postgresSubscription, registerSubscriptions } from "./postgres-subscription.ts";
import {
  memberOf,
  rewrite,
  run,
  seen,
  subscribe,
  telling,
  write,
  type Handle,
} from "./testing/subject.ts";
import { until, untilAll } from "#test/until.ts";
import { subjectOn } from "./testing/postgres-subject.ts";
import { subscriptionContract } from "./testing/subscription.contract.ts";

subscriptionContract("Postgres", async () => subjectOn(await testDatabase()));

const insertEvent = `insert into scratch.events
    (id, stream, version, type, schema_version, payload, metadata, occurred_at)
  values ($1, $1, 1, 'scratch.note-written', 1, '{"noteId": "note_01h455vb4pex5vsknk084sn02q",
    "title": "held"}', '{"actor": "a", "correlationId": "c"}', now())`;

test("readers wait for transactions that append, and skip none of their events", async () => {
  await using opened = await testDatabase({ maxConnections: 4 });
  const subject = subjectOn(opened);
  const slowWriters = 32;
  await using _running = subscribe(subject);
  await Promise.all(
    Array.from({ length: slowWriters }, async (_, i) => {
      await using client = await connect(opened);
      await client.query("begin");
      await client.query(insertEvent, [`evt_${i}`]);
      await sleep((i % 9) * 10);
      await client.query("commit");
    }),
  );
  await seen(subject, slowWriters);
  assert.equal(new Set((await subject.sightings()).map(({ stream }) => stream)).size, slowWriters);
});

test("readers do not wait for transactions that append nothing to their log", async () => {
  await using opened = await testDatabase();
  await using elsewhere = await testDatabase();
  const subject = subjectOn(opened);
  await using stranger = await connect(opened);
  await using farther = await connect(elsewhere);
  for (const client of [stranger, farther]) await client.query("begin");
  await stranger.query("create table scratch.strange (); select pg_current_xact_id()");
  await farther.query(insertEvent, ["evt_elsewhere"]);
  await using _running = subscribe(subject);
  await write(subject, "not held");
  await seen(subject, 1);
});

test("the age of the horizon is that of the oldest transaction that appends", async () => {
  await using opened = await testDatabase();
  const { health } = eventAdmin(opened.database, "scratch");
  await using slow = await connect(opened);
  await slow.query("begin");
  assert.equal((await health()).horizon_age_s, 0);
  await slow.query(insertEvent, ["evt_slow"]);
  await sleep(50);
  assert.ok((await health()).horizon_age_s >= 0.05);
  await slow.query("rollback");
  assert.equal((await health()).horizon_age_s, 0);
});

test("a transaction of very many events holds few locks", async () => {
  await using opened = await testDatabase();
  await using client = await connect(opened);
  await client.query("begin");
  await client.query(`insert into scratch.events
      (id, stream, version, type, schema_version, payload, metadata, occurred_at)
    select 'evt_' || i, 's' || i, 1, 't', 1, '{}', '{}', now() from generate_series(1, 20000) i`);
  const { rows } = await client.query<{ n: number }>(
    "select count(*)::int as n from scratch.appending",
  );
  assert.ok((rows[0]?.n ?? 0) <= 20_000 / 64 + 1);
});

test("a new consumer of outside effects begins at the end of a log that is read already", async () => {
  await using opened = await testDatabase();
  const { database } = opened;
  const subject = subjectOn(opened);
  await write(subject, "of old");
  const beginnings = (names: readonly string[]) =>
    registerSubscriptions(
      database,
      "scratch",
      names.map((name) => ({ name, declaration: "d", atEnd: name.startsWith("tell") })),
    );
  await beginnings(["tell first", "rows first"]);
  await beginnings(["tell later", "rows later", "tell first"]);
  const positions = await opened.sql(
    `select name, max(position)::int as position from scratch.subscriptions group by 1 order by 1`,
  );
  const { head } = await subject.store("any").look(undefined);
  assert.deepEqual(
    positions.map(({ name, position }) => [name, position]),
    [
      ["rows first", 0],
      ["rows later", 0],
      ["tell first", 0],
      ["tell later", head],
    ],
  );
});

test("a new consumer of outside effects misses no event that is under way while it begins", async () => {
  await using opened = await testDatabase();
  const subject = subjectOn(opened);
  const begin = (name: string) =>
    registerSubscriptions(opened.database, "scratch", [{ name, declaration: "d", atEnd: true }]);
  await begin("tell first");
  await using slow = await connect(opened);
  await slow.query("begin");
  await slow.query(insertEvent, ["evt_under_way"]);
  await write(subject, "committed after it has begun");
  await begin("tell later");
  await slow.query("commit");
  const told: string[] = [];
  const later = telling("tell later", async ({ id }) => void told.push(id));
  await using _running = run(subject, later);
  await until(() => told.length === 2);
  assert.ok(told.includes("evt_under_way"));
});

test("an event that is passed over while it is tried again is neither kept nor failed", async () => {
  await using opened = await testDatabase();
  const subject = subjectOn(opened);
  const admin = eventAdmin(opened.database, "scratch");
  for (const outcome of ["kept", "failed"] as const) {
    const note = await write(subject, outcome);
    const end = Promise.withResolvers<void>();
    let tries = 0;
    const handle: Handle = async ({ stream, version }) => {
      if (stream !== note.id || version !== 1) return;
      tries += 1;
      if (tries > 1) await end.promise;
      if (tries === 1 || outcome === "failed") throw new Error("fails");
    };
    const times = { leaseMs: 600, maxAttempts: 2 };
    await using _running = subscribe(subject, handle, { name: outcome, times });
    await until(() => tries === 2);
    assert.equal(await admin.skip(outcome, note.id), 1);
    await sleep(500); // it has looked at its slots again
    end.resolve();
    await until(async () => (await subject.parked(outcome)).length === 0);
    await rewrite(subject, note, `${outcome} again`);
    const mine = async () =>
      (await subject.sightings()).filter(
        ({ event_id: id, stream }) => id.startsWith(outcome) && stream === note.id,
      );
    await until(async () => (await mine()).length > 0);
    await sleep(100);
    assert.deepEqual(
      (await mine()).map(({ version }) => version),
      [2],
    );
    assert.deepEqual(await subject.parked(outcome), []);
  }
});

test("an event at which a process waits is passed over by name", async () => {
  await using opened = await testDatabase();
  const subject = subjectOn(opened);
  const admin = eventAdmin(opened.database, "scratch");
  await opened.sql(`insert into scratch.events
      (id, stream, version, type, schema_version, payload, metadata, occurred_at)
    values ('evt_new', 's', 1, 'scratch.note-written', 2, '{}', '{"correlationId": "c"}', now())`);
  await write(subject, "behind it");
  await using _running = subscribe(subject);
  const health = async () => (await admin.health()).subscriptions[0];
  await until(async () => (await health())?.waits_at === "scratch.note-written v2");
  assert.deepEqual(await subject.sightings(), []);
  assert.equal(await admin.skip("sight", "evt_new"), 1);
  await seen(subject, 1);
  await until(async () => (await subject.parked("sight")).length === 0);
});

test("a retired subscription leaves nothing behind, and holds no event back", async () => {
  await using opened = await testDatabase();
  const subject = subjectOn(opened);
  const admin = eventAdmin(opened.database, "scratch");
  await write(subject, "poison");
  {
    await using _former = subscribe(subject, () => assert.fail("poison"), { name: "former" });
    await until(async () => (await admin.dead()).length === 1);
  }
  await using _running = subscribe(subject);
  await seen(subject, 1);
  await opened.sql("update scratch.events set occurred_at = now() - interval '10 days'");
  assert.equal(await admin.prune(5, 100), 0);
  assert.equal(await admin.retire("former"), 1);
  assert.equal(await admin.retire("former"), 0);
  const names = (await admin.health()).subscriptions.map(({ name }) => name);
  assert.deepEqual(names, ["sight"]);
  await write(subject, "the last event stays");
  await until(async () => (await admin.prune(5, 100)) === 1);
});

test("only old events that every subscription has read are pruned", async () => {
  await using opened = await testDatabase();
  const subject = subjectOn(opened);
  const admin = eventAdmin(opened.database, "scratch");
  await write(subject, "read");
  await write(subject, "the last that is read");
  await write(subject, "unread");
  await opened.sql("update scratch.events set occurred_at = now() - interval '10 days'");
  const store = subject.store("reader");
  const { held } = await store.share(memberOf("one"));
  const slots = held.map(({ slot }) => slot);
  const [first] = await store.read({ slots, after: 0, until: 1_000, limit: 1 });
  assert.ok(first);
  const moves = held.map((one) => ({ held: one, to: first.position + 1 }));
  await store.commit({ moves, park: [], unpark: [] }, []);

  assert.equal(await admin.prune(30, 100), 0);
  assert.equal(await admin.prune(5, 100), 1);
  assert.equal((await admin.list({ limit: 10 })).length, 2);
});

test("a handler that swallows a failed read has failed, and keeps nothing", async () => {
  await using opened = await testDatabase();
  const subject = subjectOn(opened);
  await write(subject, "first");
  let isBroken = true;
  const broken = statement("test.broken", "select 1 / 0");
  const store = postgresSubscription({
    database: opened.database,
    schema: "scratch",
    name: "sight",
    clock,
    newId,
    scope: ({ read, ...transaction }) =>
      postgresNotes({
        ...transaction,
        read: (query, values) =>
          isBroken ? read(broken as typeof query, []) : read(query, values),
      }),
    onAppended: () => {},
  });
  const handle = async (_: unknown, { notes }: ReturnType<typeof postgresNotes>) => {
    await notes.byId(newId(NoteId)).catch(() => {});
  };
  await using _running = subscribe(subject, handle, { store });
  await until(async () => (await subject.parked("sight")).some(({ attempts }) => attempts > 1));
  assert.deepEqual(await subject.sightings(), []);
  isBroken = false;
  await subject.replay();
  await until(async () => {
    await subject.replay();
    return (await subject.sightings()).length === 1;
  });
});

test("a statement of a handler that takes too long parks its event, and others go on", async () => {
  await using opened = await testDatabase({ statementTimeoutMs: 200 });
  const subject = subjectOn(opened);
  const slow = statement("test.slow", "select pg_sleep(60)");
  const note = await write(subject, "slow");
  await using _running = subscribe(subject, async ({ stream }) => {
    if (stream === note.id) await opened.database.query(slow, []);
  });
  for (let i = 0; i < 5; i += 1) await write(subject, `healthy ${i}`);
  await seen(subject, 5);
  await until(async () => (await subject.parked("sight"))[0]?.state === "dead");
});

test("many events that fail cost no connections", async () => {
  await using opened = await testDatabase();
  const subject = subjectOn(opened);
  for (let i = 0; i < 20; i += 1) await write(subject, `clashes ${i}`);
  const backends = statement<{ readonly pid: number }>(
    "test.backends",
    "select pid from pg_stat_activity where datname = current_database() and application_name = 'basalt'",
  );
  const pids = async () => (await opened.database.query(backends, [])).map(({ pid }) => pid);
  await using _running = subscribe(subject, ({ stream }, { notes }) => {
    notes.sight({ event_id: "twice", stream, version: 1 });
    notes.sight({ event_id: "twice", stream, version: 1 });
  });
  await until(async () => (await subject.parked("sight")).length === 20);
  const before = await pids();
  await subject.replay();
  const parked = async () => subject.parked("sight");
  await untilAll(parked, ({ state }) => state === "dead", 20);
  const after = new Set(await pids());
  assert.deepEqual(
    before.filter((pid) => !after.has(pid)),
    [],
    "each connection is still there",
  );
});

test("no transaction is open while an event is handed over", async () => {
  await using opened = await testDatabase({ idleInTransactionTimeoutMs: 100 });
  const subject = subjectOn(opened);
  const told: string[] = [];
  await using _telling = run(
    subject,
    telling("tell", async ({ id }) => {
      await sleep(400);
      told.push(id);
    }),
  );
  await using _rows = subscribe(subject, () => sleep(400));
  await write(subject, "slow");
  await seen(subject, 1);
  await until(() => told.length > 0);
  await until(async () => (await subject.parked("tell")).length === 0);
  assert.equal(told.length, 1);
});

test("a retry that is due within the same millisecond is due not before its time", async () => {
  await using opened = await testDatabase();
  const subject = subjectOn(opened);
  const note = await write(subject, "fails");
  {
    await using _failing = subscribe(subject, () => assert.fail("fails"));
    await until(async () => (await subject.parked("sight")).length === 1);
  }
  await opened.sql(
    "update scratch.parked_streams set state = 'retrying', retry_at = '2026-01-01 00:00:00.000700Z'",
  );
  const store = subject.store("sight");
  const { held } = await store.share(memberOf("one"));
  const dueAt = async (now: string) =>
    store.due(held, { now: expect(Instant.parse(now)), except: [], limit: 10 });
  assert.deepEqual((await dueAt("2026-01-01T00:00:00.000Z")).due, []);
  const { due } = await dueAt("2026-01-01T00:00:00.001Z");
  assert.deepEqual(
    due.map(({ event }) => event?.stream),
    [note.id],
  );
});

test("the slots of a process that died are taken, though the clock of the database stepped back", async () => {
  await using opened = await testDatabase();
  const subject = subjectOn(opened);
  await subject.store("sight").share(memberOf("dead"));
  // As it looks after the clock has been set back by an hour.
  await opened.sql("update scratch.subscribers set seen_at = seen_at + interval '1 hour'");
  const { held } = await subject.store("sight").share(memberOf("next"));
  assert.equal(held.length, 64);
});

test("processes that are gone are forgotten", async () => {
  await using opened = await testDatabase();
  const subject = subjectOn(opened);
  for (let i = 0; i < 5; i += 1)
    await subject.store("sight").share(memberOf(`crashed ${i}`, { leaseMs: 1 }));
  await sleep(50);
  await subject.store("sight").share(memberOf("alive", { leaseMs: 1 }));
  const rows = await opened.sql("select process from scratch.subscribers");
  assert.deepEqual(rows, [{ process: "alive" }]);
});
