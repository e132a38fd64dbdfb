import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, testDatabase } from "#test/database.ts";
import { until } from "#test/until.ts";
import { eventAdmin } from "./admin.ts";
import { troublesOf } from "./health.ts";
import { subjectOn } from "./testing/postgres-subject.ts";
import {
  rewrite,
  run,
  seen,
  subscribe,
  telling,
  versionsOf,
  write,
  type Handle,
} from "./testing/subject.ts";

/** A log with readers, and what an operator may do to them. */
async function open() {
  const opened = await testDatabase();
  return Object.assign(subjectOn(opened), {
    admin: eventAdmin(opened.database, "scratch"),
    sql: opened.sql,
    connection: opened.connection,
  });
}

const poisoned = ({ payload }: { readonly payload: object }) => {
  if ("title" in payload && payload.title === "poison") throw new Error("poison");
};

type Subject = Awaited<ReturnType<typeof open>>;

/** How many statements of other connections wait for a lock. */
async function waitingIn({ sql }: Pick<Subject, "sql">): Promise<number> {
  const [row] = await sql(`select count(*)::int as n from pg_stat_activity
    where wait_event_type = 'Lock' and datname = current_database()`);
  return Number(row?.["n"]);
}

const never = () => new Promise<void>(() => {});

test("an event that is skipped twice takes no later one with it", async () => {
  await using subject = await open();
  const { admin } = subject;
  const note = await rewrite(subject, await write(subject, "poison"), "good");
  const first = subscribe(subject, poisoned);
  await until(async () => (await admin.dead()).length === 1);
  await first[Symbol.asyncDispose]();
  const id = (await admin.dead())[0]?.event_id ?? "";
  assert.deepEqual([await admin.skip("sight", id), await admin.skip("sight", id)], [1, 0]);
  assert.equal(await admin.skip("sight", note.id), 0);
  await using _second = subscribe(subject, poisoned);
  await until(async () => (await subject.parked("sight")).length === 0);
  assert.deepEqual(versionsOf(await subject.sightings(), note.id), [2]);
});

test("an event that is skipped before it is read stays skipped behind a backlog", async () => {
  await using subject = await open();
  const before = subscribe(subject);
  await write(subject, "read already");
  await seen(subject, 1);
  await before[Symbol.asyncDispose]();
  for (let i = 0; i < 60; i += 1) await write(subject, `backlog ${i}`);
  const target = await write(subject, "skipped");
  const [event] = await subject.admin.list({ stream: target.id, limit: 1 });
  assert.equal(await subject.admin.skip("sight", event?.id ?? ""), 1);
  await rewrite(subject, target, "goes on");
  await using _running = subscribe(subject, undefined, { batchSize: 5 });
  await seen(subject, 62);
  await until(async () => (await subject.parked("sight")).length === 0);
  assert.deepEqual(versionsOf(await subject.sightings(), target.id), [2]);
});

/** An event during whose delivery the only process has ended. */
async function abandoned() {
  const subject = await open();
  await write(subject, "ends its process");
  let attempts = 0;
  const deliver = async () => {
    attempts += 1;
    await never();
  };
  const dying = run(subject, telling("tell", deliver), { times: { drainMs: 0 } });
  await until(() => attempts === 1);
  await dying[Symbol.asyncDispose]();
  const [event] = await subject.admin.list({ limit: 1 });
  return Object.assign(subject, { id: event?.id ?? "" });
}

test("an event at which the only process has ended can be skipped", async () => {
  await using subject = await abandoned();
  assert.equal(await subject.admin.skip("tell", subject.id), 1);
  const told: string[] = [];
  await using _running = run(
    subject,
    telling("tell", async ({ id }) => void told.push(id)),
  );
  await until(async () => (await subject.parked("tell")).length === 0);
  assert.deepEqual(told, []);
});

test("an event at which the only process has ended can be replayed, and is told of until then", async () => {
  await using subject = await abandoned();
  const { admin } = subject;
  const told = async () =>
    troublesOf(await admin.health()).find(({ subject }) => subject === "tell");
  await until(async () => (await told())?.isBad === true);
  assert.match((await told())?.says ?? "", /no process reads it, waiting: 1 parked stream;/);
  assert.equal(await admin.replay("tell", subject.id), 1);
});

test("an event that is being handed over is neither skipped nor replayed", async () => {
  await using subject = await open();
  await write(subject, "under way");
  const end = Promise.withResolvers<void>();
  let attempts = 0;
  const deliver = async () => {
    attempts += 1;
    await end.promise;
  };
  await using _running = run(subject, telling("tell", deliver));
  await until(() => attempts === 1);
  const [event] = await subject.admin.list({ limit: 1 });
  const { admin } = subject;
  assert.equal(await admin.skip("tell", event?.id ?? ""), 0);
  assert.equal(await admin.replay("tell", event?.id), 0);
  end.resolve();
});

test("a replay in the midst of the last attempt is not undone by it", async () => {
  await using subject = await open();
  const note = await write(subject, "at last");
  const end = Promise.withResolvers<void>();
  let attempts = 0;
  const handle = async () => {
    attempts += 1;
    if (attempts === 3) await end.promise;
    if (attempts <= 3) throw new Error(`attempt ${attempts}`);
  };
  await using _running = subscribe(subject, handle);
  await until(() => attempts === 3);
  assert.equal(await subject.admin.replay(undefined, note.id), 1);
  end.resolve();
  await seen(subject, 1);
});

test("a replay is due by the clock of every process", async () => {
  await using subject = await open();
  const note = await write(subject, "of a process whose clock is late");
  const first = subscribe(subject, () => {
    throw new Error("not yet");
  });
  await until(async () => (await subject.admin.dead()).length === 1);
  await first[Symbol.asyncDispose]();
  await subject.admin.replay(undefined, note.id);
  const [row] = await subject.sql(
    "select retry_at < now() - interval '1 year' as is_due from scratch.parked_streams",
  );
  assert.equal(row?.["is_due"], true);
});

test("a dead letter is passed over by name, and its stream goes on", async () => {
  await using subject = await open();
  const { admin } = subject;
  const note = await write(subject, "poison");
  await using _running = subscribe(subject, ({ stream, version }) => {
    if (stream === note.id && version === 1) throw new Error("poison");
  });
  await until(async () => (await admin.dead()).length === 1);
  await rewrite(subject, note, "healthy");
  assert.equal(await admin.skip("sight", "nothing"), 0);
  assert.equal(await admin.skip("sight", (await admin.dead())[0]?.event_id ?? ""), 1);
  await seen(subject, 1);
  await until(async () => (await subject.parked("sight")).length === 0);
  assert.deepEqual(
    (await subject.sightings()).map(({ version }) => version),
    [2],
  );
});

/** The commit of a sighting waits for a lock, after all that it writes. */
const waitingCommits = `
  create function scratch.wait() returns trigger language plpgsql as
    $$ begin perform pg_advisory_xact_lock(99); return null; end $$;
  create constraint trigger waits after insert on scratch.sightings
    deferrable initially deferred for each row execute function scratch.wait()`;

test("an event that is about to be handled is not said to be skipped", async () => {
  await using subject = await open();
  const { admin } = subject;
  await subject.sql(waitingCommits);
  await using blocker = await connect(subject);
  await blocker.query("select pg_advisory_lock(99)");
  await using _running = subscribe(subject, undefined, { times: { leaseMs: 10_000 } });
  const note = await write(subject, "under way");
  await until(async () => (await waitingIn(subject)) === 1);
  const [event] = await admin.list({ stream: note.id, limit: 1 });
  const skipping = admin.skip("sight", event?.id ?? "");
  await until(async () => (await waitingIn(subject)) === 2);
  await blocker.query("select pg_advisory_unlock(99)");
  assert.equal(await skipping, 0);
  await seen(subject, 1);
});

test("lists waiting events and retries a named one at once", async () => {
  await using subject = await open();
  const { admin } = subject;
  let isBroken = true;
  const handle: Handle = () => {
    if (isBroken) throw new Error("broken for now");
  };
  const times = { retryMs: 3_600_000, maxRetryMs: 3_600_000 };
  await using _running = subscribe(subject, handle, { times });
  const note = await write(subject, "waits");
  await until(async () => (await admin.waiting()).length === 1);
  const [waiting] = await admin.waiting();
  assert.deepEqual(
    [waiting?.stream, waiting?.attempts, waiting?.error, waiting?.retry_at !== null],
    [note.id, 1, "Error: broken for now", true],
  );
  isBroken = false;
  assert.equal(await admin.replay(), 0, "it is no dead letter");
  assert.equal(await admin.replay(undefined, note.id), 1);
  await seen(subject, 1);
  await until(async () => (await admin.waiting()).length === 0);
});

test("a replay that the server ends in a deadlock is done again", async () => {
  await using subject = await open();
  const { admin } = subject;
  const streams = [await write(subject, "one"), await write(subject, "two")].map(({ id }) => id);
  const failing = subscribe(subject, () => {
    throw new Error("not yet");
  });
  await until(async () => (await admin.dead()).length === 2);
  await failing[Symbol.asyncDispose]();
  const [first, second] = streams.toSorted();
  const lock = (stream: string | undefined) =>
    `select from scratch.parked_streams where stream = '${stream}' for update`;
  await using other = await connect(subject);
  // Of the two, only the replay looks for deadlocks while this test runs: it is the one that is ended.
  await other.query("set deadlock_timeout = '60s'");
  await other.query("begin");
  await other.query(lock(second));
  const replaying = admin.replay();
  await until(async () => (await waitingIn(subject)) === 1);
  await other.query(lock(first));
  await other.query("commit");
  assert.equal(await replaying, 2);
});
