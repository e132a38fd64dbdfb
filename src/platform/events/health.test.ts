import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { testDatabase } from "#test/database.ts";
import { Unavailable } from "../unavailable.ts";
import { logHealth, troublesOf } from "./health.ts";
import { subjectOn } from "./testing/postgres-subject.ts";
import { memberOf, run, seen, subscribe, telling, write } from "./testing/subject.ts";
import { until } from "#test/until.ts";

async function given() {
  const opened = await testDatabase();
  const subject = subjectOn(opened);
  const health = () => logHealth(opened.database, "scratch");
  const says = async () => {
    const troubles = troublesOf(await health());
    return troubles.map(
      ({ subject, isBad, says }) => `${isBad ? "BAD" : "ok"} ${subject}: ${says}`,
    );
  };
  /** As if all that has happened so far had happened longer ago. */
  const later = () =>
    opened.sql(`update scratch.events set occurred_at = occurred_at - interval '6 s';
      update scratch.subscriptions set updated_at = updated_at - interval '6 s';
      update scratch.parked_streams set parked_at = parked_at - interval '6 s'`);
  const told = (trouble: RegExp) =>
    until(async () => (await says()).some((text) => trouble.test(text)), String(trouble));
  return { opened, subject, health, says, later, told };
}

test("health has no troubles when a log is read in time", async () => {
  const { opened, subject, health, says } = await given();
  await using _ = opened;
  await using _running = subscribe(subject);
  await write(subject, "read");
  await seen(subject, 1);
  await until(async () => (await health()).subscriptions[0]?.lag === 0);
  assert.deepEqual(await says(), []);
  const [reader] = (await health()).subscriptions;
  assert.deepEqual([reader?.name, reader?.held, reader?.holders], ["sight", 64, { one: 64 }]);
});

test("health names events that no process reads", async () => {
  const { opened, subject, later, told } = await given();
  await using _ = opened;
  {
    await using _former = subscribe(subject, undefined, { name: "former" });
    await until(async () => (await subject.slots("former")).length === 64);
  }
  await write(subject, "waits");
  await later();
  await told(/^BAD former: no process reads it, waiting: 1 event;/);
});

test("health names a consumer that makes no progress", async () => {
  const { opened, subject, later, told } = await given();
  await using _ = opened;
  const end = Promise.withResolvers<void>();
  await using _running = subscribe(subject, () => end.promise);
  await write(subject, "takes for ever");
  await until(async () => (await subject.slots("sight")).some(({ holder }) => holder === "one"));
  await later();
  await told(/^BAD sight: it stands still, 1 events wait/);
  end.resolve();
});

test("health names an outage with its error", async () => {
  const { opened, subject, later, told } = await given();
  await using _ = opened;
  const away = () => Promise.reject(new Unavailable("the provider is away", {}));
  await using _running = run(subject, telling("tell", away));
  await write(subject, "waits");
  await until(async () => (await subject.parked("tell"))[0]?.state === "retrying");
  await later();
  await told(/^BAD tell: something is away, waiting for it: 1 stream, .*: .*the provider is away/);
});

test("health names dead letters and streams that are retried", async () => {
  const { opened, subject, told } = await given();
  await using _ = opened;
  const fail = () => {
    throw new Error("no such user");
  };
  await using _trying = subscribe(subject, fail, { name: "try", times: { maxAttempts: 1_000 } });
  await using _dying = subscribe(subject, fail, { name: "die" });
  await write(subject, "poison");
  await told(/^BAD die: 1 dead letter; the last error: .*no such user/);
  await told(/^ok try: 1 stream to be tried again: .*no such user/);
});

test("health names an event of a newer version at which a process waits", async () => {
  const { opened, subject, later, told } = await given();
  await using _ = opened;
  await opened.sql(`insert into scratch.events
      (id, stream, version, type, schema_version, payload, metadata, occurred_at)
    values ('evt_new', 's', 1, 'scratch.note-moved', 3, '{}', '{}', now())`);
  await using _running = subscribe(subject);
  await until(async () => (await subject.slots("sight")).length === 64);
  await later();
  await told(/^BAD sight: it waits at scratch\.note-moved v3, which needs a newer Basalt/);
});

test("health names a transaction that holds the horizon", async () => {
  const { opened, says, told } = await given();
  await using _ = opened;
  const slow = new pg.Client(opened.connection);
  await slow.connect();
  await slow.query("begin");
  await slow.query(`insert into scratch.events
      (id, stream, version, type, schema_version, payload, metadata, occurred_at)
    values ('evt_slow', 's', 1, 'scratch.note-written', 1, '{}', '{}', now())`);
  await sleep(5_000); // its age is the server's: it cannot be changed
  await told(/^BAD scratch: new events wait for a transaction that began 5 s ago/);
  await slow.end();
  await until(async () => (await says()).length === 0);
});

test("health names a subscription that is ahead of its log", async () => {
  const { opened, subject, told } = await given();
  await using _ = opened;
  await subject.store("sight").share(memberOf("one"));
  await opened.sql("update scratch.subscriptions set position = 1000000");
  await told(/^BAD sight: it is ahead of its log/);
});

test("health names too many parked streams", async () => {
  const { opened, subject, told } = await given();
  await using _ = opened;
  await subject.store("sight").share(memberOf("one"));
  await opened.sql(`insert into scratch.parked_streams (subscription, slot, stream, version,
      event_id, event_type, state, attempts, error, correlation_id)
    select 'sight', 0, 's' || i, 1, 'e', 't', 'retrying', 1, 'x', 'c' from generate_series(1, 100000) i`);
  await told(/^BAD sight: 100000 parked streams: no new events are taken/);
});

test("health shows a slow delivery without calling it a trouble", async () => {
  const { opened, subject, later, told } = await given();
  await using _ = opened;
  const end = Promise.withResolvers<void>();
  await using _running = run(
    subject,
    telling("tell", () => end.promise),
  );
  await write(subject, "slow receiver");
  await until(async () => (await subject.parked("tell")).length === 1);
  await later();
  await told(/^BAD tell: a delivery has been under way for 6 s/);
  end.resolve();
});
