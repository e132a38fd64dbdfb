import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock as clock } from "../system.ts";
import { Unavailable } from "../unavailable.ts";
import { testDatabase } from "../../../test/support/database.ts";
import { statement, type Database } from "./database.ts";

const one = statement<{ readonly one: number }>("test.one", "select 1 as one");
const sleepFor = statement("test.sleep", "select pg_sleep($1::float8)");
const backend = statement<{ readonly pid: number }>("test.pid", "select pg_backend_pid() as pid");
const fails = statement("test.fails", "select 1 / $1::int");

const backends = async (database: Database, statements: number): Promise<ReadonlySet<number>> => {
  const asked = Array.from({ length: statements }, () => database.query(backend, []));
  return new Set((await Promise.all(asked)).map(([row]) => row?.pid ?? NaN));
};

test("statements share connections once all are busy, and each gets its own answer", async () => {
  await using opened = await testDatabase({ maxConnections: 4 });
  const echo = statement<{ readonly n: number }>("test.echo", "select $1::int as n");
  const numbers = Array.from({ length: 500 }, (_, n) => n);
  const answers = await Promise.all(numbers.map((n) => opened.database.query(echo, [n])));
  assert.deepEqual(
    answers.map(([row]) => row?.n),
    numbers,
  );
  assert.equal((await backends(opened.database, 100)).size, 3, "one is kept for transactions");
});

test("a statement that fails harms none of those that share its connection", async () => {
  await using opened = await testDatabase({ maxConnections: 1 });
  const { database } = opened;
  const outcomes = await Promise.allSettled(
    Array.from({ length: 50 }, (_, i) =>
      database.query(i % 2 === 0 ? fails : one, i % 2 === 0 ? [0] : []),
    ),
  );
  for (const [i, { status }] of outcomes.entries())
    assert.equal(status, i % 2 === 0 ? "rejected" : "fulfilled");
  assert.equal((await backends(database, 10)).size, 1);
});

test("a statement that outlives its deadline is Unavailable, and the pool recovers", async () => {
  await using opened = await testDatabase({ maxConnections: 1 });
  const { database } = opened;
  await assert.rejects(database.query(sleepFor, [5], clock.unixMs() + 100), Unavailable);
  assert.deepEqual(await database.query(one, []), [{ one: 1 }]);
});

test("who waits behind a late statement still gets an answer", async () => {
  await using opened = await testDatabase({ maxConnections: 1 });
  const { database } = opened;
  const late = database.query(sleepFor, [0.5], clock.unixMs() + 100);
  const behind = database.query(one, []);
  await assert.rejects(late, Unavailable);
  assert.deepEqual(await behind, [{ one: 1 }]);
});

test("the server ends a statement that takes too long", async () => {
  await using opened = await testDatabase({ statementTimeoutMs: 100 });
  await assert.rejects(opened.database.query(sleepFor, [5]), Unavailable);
});

test("a killed connection is Unavailable to all who wait on it, and replaced", async () => {
  await using opened = await testDatabase({ maxConnections: 2 });
  const { database } = opened;
  const [victim] = await backends(database, 1);
  const waiting = [database.query(sleepFor, [5]), database.query(one, [])];
  const kill = statement("test.kill", "select pg_terminate_backend($1)");
  await database.session((session) => session.query(kill, [victim]));
  for (const answer of await Promise.allSettled(waiting))
    if (answer.status === "rejected") assert.ok(answer.reason instanceof Unavailable);
  assert.equal((await Promise.allSettled(waiting))[0]?.status, "rejected");
  const after = await backends(database, 5);
  assert.ok(victim !== undefined && !after.has(victim));
});

test("an idle connection that was killed is replaced unseen", async () => {
  const ended: string[] = [];
  const onIdleError = (error: Error) => ended.push(error.message);
  await using opened = await testDatabase({ maxConnections: 2, onIdleError });
  const { database } = opened;
  const [victim] = await backends(database, 1);
  const kill = statement("test.kill", "select pg_terminate_backend($1)");
  await database.session((session) => session.query(kill, [victim]));
  while (ended.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(await database.query(one, []), [{ one: 1 }]);
});

test("transactions get their connection however many statements there are", async () => {
  await using opened = await testDatabase({ maxConnections: 2, acquireTimeoutMs: 1_000 });
  const { database } = opened;
  const load = { on: true };
  const statements = Array.from({ length: 20 }, async () => {
    while (load.on) await database.query(one, []);
  });
  for (let i = 0; i < 20; i += 1)
    assert.deepEqual(await database.session((session) => session.query(one, [])), [{ one: 1 }]);
  load.on = false;
  await Promise.all(statements);
});

test("transactions may use every connection while no statement needs one", async () => {
  await using opened = await testDatabase({ maxConnections: 4, acquireTimeoutMs: 1_000 });
  const { database } = opened;
  await backends(database, 20);
  const held = Array.from({ length: 4 }, () =>
    database.session(async (session) => {
      await session.query(sleepFor, [0.2]);
      return session.query(backend, []);
    }),
  );
  assert.equal(new Set((await Promise.all(held)).map(([row]) => row?.pid)).size, 4);
});

test("waiting too long for a connection is Unavailable", async () => {
  await using opened = await testDatabase({ maxConnections: 1, acquireTimeoutMs: 50 });
  const { database } = opened;
  const held = database.session((session) => session.query(sleepFor, [0.4]));
  await assert.rejects(
    database.session((session) => session.query(one, [])),
    Unavailable,
  );
  await assert.rejects(database.query(one, []), Unavailable);
  await held;
});
