import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClientConfig } from "pg";
import { systemClock as clock } from "../system.ts";
import { Unavailable } from "../unavailable.ts";
import { testDatabase } from "#test/database.ts";
import { Database, statement } from "./database.ts";

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

test("answers a statement that is queued behind a late one", async () => {
  await using opened = await testDatabase({ maxConnections: 1 });
  const { database } = opened;
  const late = database.query(sleepFor, [0.5], clock.unixMs() + 100);
  const behind = database.query(one, []);
  await assert.rejects(late, Unavailable);
  assert.deepEqual(await behind, [{ one: 1 }]);
});

test("statements that nobody waits for any more hold no more connections than the limit", async () => {
  await using opened = await testDatabase({ maxConnections: 4, statementTimeoutMs: 1_000 });
  await using watching = await testDatabase();
  const { database, connection } = opened;
  const sessions = statement<{ readonly n: number }>(
    "test.sessions",
    "select count(*) as n from pg_stat_activity where datname = $1",
  );
  const asked: Promise<unknown>[] = [];
  for (let i = 0; i < 40; i += 1) {
    const query = database.query(sleepFor, [2], clock.unixMs() + 30);
    asked.push(assert.rejects(query, Unavailable));
    await sleep(10);
    const [found] = await watching.database.query(sessions, [String(connection.database)]);
    assert.ok((found?.n ?? 0) <= 4, `${found?.n} connections`);
  }
  await Promise.all(asked);
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await sleep(50))
    if (await database.query(one, []).catch(() => undefined)) return;
  assert.fail("it did not recover");
});

test("the server cancels a statement that takes too long", async () => {
  await using opened = await testDatabase({ statementTimeoutMs: 100 });
  await assert.rejects(opened.database.query(sleepFor, [5]), Unavailable);
});

test("a full disk is told once, and the database is not ready until there is room", async () => {
  const told: boolean[] = [];
  await using opened = await testDatabase();
  const { connection, sql } = opened;
  const name = String(connection.database);
  await sql(
    `create function scratch.full() returns void language plpgsql as $$ begin
       raise exception 'could not extend file' using errcode = 'disk_full'; end $$;
     create role ${name}; grant all on schema scratch to ${name};
     revoke temporary on database ${name} from public`,
  );
  await using poor = new Database({
    connection,
    clock,
    maxConnections: 2,
    acquireTimeoutMs: 5_000,
    statementTimeoutMs: 10_000,
    idleInTransactionTimeoutMs: 10_000,
    role: name,
    onDiskFull: (isFull) => told.push(isFull),
  });
  await poor.assertReady();
  const write = statement("test.full", "select scratch.full()");
  for (let n = 0; n < 2; n += 1) await assert.rejects(poor.query(write, []), Unavailable);
  await assert.rejects(poor.assertReady());
  assert.deepEqual(told, [true]);

  await sql(`grant temporary on database ${name} to ${name}`);
  await poor.assertReady();
  assert.deepEqual(told, [true, false]);
  await sql(
    `revoke all on schema scratch from ${name}; revoke all on database ${name} from ${name}; drop role ${name}`,
  );
});

test("a killed connection is Unavailable to all who wait on it, and replaced", async () => {
  await using opened = await testDatabase({ maxConnections: 2 });
  const { database } = opened;
  const [victim] = await backends(database, 1);
  const waiting = Promise.allSettled([database.query(sleepFor, [5]), database.query(one, [])]);
  const kill = statement("test.kill", "select pg_terminate_backend($1)");
  await database.session((session) => session.query(kill, [victim ?? 0]));
  const [first, second] = await waiting;
  assert.ok(first?.status === "rejected" && first.reason instanceof Unavailable);
  assert.ok(second?.status === "rejected" && second.reason instanceof Unavailable);
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
  await database.session((session) => session.query(kill, [victim ?? 0]));
  while (ended.length === 0) await sleep(5);
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

test("transactions leave some connections to statements, and take turns on the others", async () => {
  await using opened = await testDatabase({ maxConnections: 4 });
  const { database } = opened;
  await backends(database, 20);
  const free = Promise.withResolvers<void>();
  const held = Array.from({ length: 8 }, () =>
    database.session(async (session) => {
      await free.promise;
      return session.query(backend, []);
    }),
  );
  assert.deepEqual(await database.query(one, []), [{ one: 1 }]);
  assert.deepEqual(database.stats().waiting, 5);
  free.resolve();
  assert.equal(new Set((await Promise.all(held)).map(([row]) => row?.pid)).size, 3);
});

test("a transaction gets a connection whose statements have ended meanwhile", async () => {
  await using opened = await testDatabase({ maxConnections: 4, acquireTimeoutMs: 3_000 });
  const { database } = opened;
  const free = Promise.withResolvers<void>();
  const held = database.session(() => free.promise);
  const busy = Array.from({ length: 3 }, () => database.query(sleepFor, [0.2]));
  assert.deepEqual(await database.session((session) => session.query(one, [])), [{ one: 1 }]);
  free.resolve();
  await Promise.all([held, ...busy]);
});

test("a statement goes behind another where transactions hold all other connections", async () => {
  await using opened = await testDatabase({ maxConnections: 4, acquireTimeoutMs: 1_000 });
  const { database } = opened;
  const free = Promise.withResolvers<void>();
  const held = Array.from({ length: 3 }, () => database.session(() => free.promise));
  const busy = database.query(sleepFor, [0.1]);
  assert.deepEqual(await database.query(one, []), [{ one: 1 }]);
  free.resolve();
  await Promise.all([...held, busy]);
});

test("a network that swallows everything costs no more connections than the limit", async () => {
  await using direct = await testDatabase();
  await using hole = await blackHole(direct.connection);
  await using database = new Database({
    connection: { ...direct.connection, host: "127.0.0.1", port: hole.port },
    clock,
    maxConnections: 2,
    acquireTimeoutMs: 1_000,
    statementTimeoutMs: 10_000,
    idleInTransactionTimeoutMs: 10_000,
  });
  assert.deepEqual(await database.query(one, []), [{ one: 1 }]);
  hole.swallow();
  for (let i = 0; i < 5; i += 1)
    await assert.rejects(database.query(one, [], clock.unixMs() + 50), Unavailable);
  while (hole.open() > 1) await sleep(5);
});

/** Between here and a server, until it swallows what either says. */
async function blackHole({ host, port }: ClientConfig) {
  const sockets = new Set<net.Socket>();
  let swallows = false;
  const target = String(host).startsWith("/")
    ? { path: `${host}/.s.PGSQL.${port}` }
    : { host: String(host), port: Number(port) };
  const server = net.createServer((near) => {
    sockets.add(near);
    const far = net.connect(target);
    near.on("data", (data) => swallows || far.write(data));
    far.on("data", (data) => swallows || near.write(data));
    near.on("close", () => {
      sockets.delete(near);
      far.destroy();
    });
    for (const socket of [near, far]) socket.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as net.AddressInfo).port,
    swallow: () => {
      swallows = true;
    },
    open: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("waiting too long for a connection is Unavailable", async () => {
  await using opened = await testDatabase({ maxConnections: 1, acquireTimeoutMs: 2_000 });
  const { database } = opened;
  const [begun, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const held = database.session(async () => {
    begun.resolve();
    await end.promise;
  });
  await begun.promise;
  await Promise.all([
    assert.rejects(
      database.session((session) => session.query(one, [])),
      Unavailable,
    ),
    assert.rejects(database.query(one, []), Unavailable),
  ]);
  end.resolve();
  await held;
});

test("refuses statements on a session that has ended", async () => {
  await using opened = await testDatabase({ maxConnections: 1 });
  const { database } = opened;
  let late: (() => Promise<unknown>) | undefined;
  const failing = database.session(async (session) => {
    late = () => session.query(one, []);
    await session.query(fails, [0]);
  });
  await assert.rejects(failing);
  assert.ok(late);
  await assert.rejects(late(), /the session has ended/);
  assert.equal((await database.query(one, [])).length, 1);
});

test("a commit that the server answers with a rollback is an error", async () => {
  await using opened = await testDatabase();
  const swallowed = opened.database.session(async (session) => {
    await session.run("begin");
    await session.query(fails, [0]).catch(() => {});
    await session.commit();
  });
  await assert.rejects(swallowed, /rolled back/);
});
