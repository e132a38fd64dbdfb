import assert from "node:assert/strict";
import { test } from "node:test";
import { testDatabase } from "../../../test/support/database.ts";
import { until } from "../../../test/support/until.ts";
import { eventAdmin } from "./admin.ts";
import { troublesOf } from "./health.ts";
import { subjectOn } from "./testing/postgres-subject.ts";
import { rewrite, run, seen, subscribe, telling, versionsOf, write } from "./testing/subject.ts";

/** A log with readers, and what an operator may do to them. */
async function open() {
  const opened = await testDatabase();
  return Object.assign(subjectOn(opened), {
    admin: eventAdmin(opened.database, "scratch"),
    sql: opened.sql,
  });
}

const poisoned = ({ payload }: { readonly payload: object }) => {
  if ("title" in payload && payload.title === "poison") throw new Error("poison");
};

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
  const told = async () => troublesOf(await admin.health()).find(({ of }) => of === "tell");
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
