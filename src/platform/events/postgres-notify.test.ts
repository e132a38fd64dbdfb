import { systemTimers as timers } from "#platform/system.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { statement } from "../postgres/database.ts";
import { testDatabase } from "#test/database.ts";
import { PostgresNotify } from "./postgres-notify.ts";
import { WakeUp } from "./wake-up.ts";

const log = pino({ level: "silent" });

/** Two processes on one database, as far as waking each other goes. */
async function twoProcesses() {
  await using undo = new AsyncDisposableStack();
  const { database, connection, closed } = undo.use(await testDatabase());
  const join = async () => {
    const wakeUp = new WakeUp(timers);
    const wakeUps = new Map([["scratch", wakeUp]]);
    const notify = new PostgresNotify({ database, connection, wakeUps, log });
    return { wakeUp, notify: undo.use(await notify.start()) };
  };
  const [here, there] = [await join(), await join()];
  const opened = undo.move();
  return { here, there, database, closed, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

const listening = statement<{ readonly n: number }>(
  "test.listening",
  `select count(*)::int as n from pg_stat_activity
    where application_name = 'basalt-listen' and datname = current_database()`,
);

const calledAfter = async (wakeUp: WakeUp, calls: number): Promise<void> => {
  while (wakeUp.calls <= calls) await sleep(2);
};

test("an announcement wakes the readers of the other process", async () => {
  await using pair = await twoProcesses();
  pair.here.notify.announce("scratch");
  await calledAfter(pair.there.wakeUp, 0);
});

test("announcements of one moment are one notification, and others' logs wake nobody", async () => {
  await using pair = await twoProcesses();
  for (let i = 0; i < 1_000; i += 1) pair.here.notify.announce("scratch");
  pair.here.notify.announce("elsewhere");
  await calledAfter(pair.there.wakeUp, 0);
  await sleep(50);
  assert.equal(pair.there.wakeUp.calls, 1);
});

test("after its connection was cut, a process listens again and looks for what it missed", async () => {
  await using pair = await twoProcesses();
  const cut = statement(
    "test.cut",
    `select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'basalt-listen' and datname = current_database()`,
  );
  assert.equal((await pair.database.query(cut, [])).length, 2);
  await calledAfter(pair.there.wakeUp, 0);
  const { calls } = pair.there.wakeUp;
  pair.here.notify.announce("scratch");
  await calledAfter(pair.there.wakeUp, calls);
});

test("after an outage of several attempts, each process listens once", async () => {
  await using pair = await twoProcesses();
  await pair.closed(() => sleep(800));
  await calledAfter(pair.there.wakeUp, 0);
  await calledAfter(pair.here.wakeUp, 0);
  await sleep(500);
  assert.deepEqual(await pair.database.query(listening, []), [{ n: 2 }]);
});

test("a process that stops in an outage leaves no connection behind", async () => {
  await using pair = await twoProcesses();
  await pair.closed(async () => {
    await sleep(350);
    await pair.here.notify[Symbol.asyncDispose]();
  });
  await calledAfter(pair.there.wakeUp, 0);
  await sleep(500);
  assert.deepEqual(await pair.database.query(listening, []), [{ n: 1 }]);
});

test("a process that has stopped announces nothing, and throws nothing", async () => {
  await using pair = await twoProcesses();
  const { notify } = pair.here;
  await notify[Symbol.asyncDispose]();
  notify.announce("scratch");
  await sleep(50);
  assert.equal(pair.there.wakeUp.calls, 0);
});
