import assert from "node:assert/strict";
import { test } from "node:test";
import { expect, ok } from "#kernel/result.ts";
import { subjectOn } from "../events/testing/postgres-subject.ts";
import { systemClock as clock, systemIds as newId } from "../system.ts";
import { Unavailable } from "../unavailable.ts";
import { auditedWorkContract } from "../audit/audited-work.contract.ts";
import { unitOfWorkContract } from "../unit-of-work.contract.ts";
import { testDatabase } from "#test/database.ts";
import { testContext } from "#test/context.ts";
import { NoteId, written } from "#test/notes.ts";
import { statement } from "./database.ts";

unitOfWorkContract("Postgres", async () => subjectOn(await testDatabase()));
auditedWorkContract("Postgres", async () => subjectOn(await testDatabase()));

/** The number of this transaction among those of its connection: `pg_stat_database` would count those of autovacuum too. */
const number = statement<{ readonly n: number }>(
  "test.transactions",
  `select split_part(virtualtransaction, '/', 2)::int as n from pg_locks
    where locktype = 'virtualxid' and pid = pg_backend_pid()`,
);

test("a unit of work with its row, event and idempotency record is one transaction", async () => {
  await using opened = await testDatabase({ maxConnections: 1 });
  const { database } = opened;
  const { unitOfWork } = subjectOn(opened);
  const transactions = async () => {
    const [row] = await database.query(number, []);
    return row?.n ?? NaN;
  };
  const before = await transactions();
  const units = 50;
  for (let i = 0; i < units; i += 1)
    expect(
      await unitOfWork(testContext(), async ({ notes }) => ok(notes.save(written(`note ${i}`)))),
    );
  assert.equal((await transactions()) - before, units + 1);
});

const one = statement<{ readonly one: number }>("test.one", "select 1 as one");

test("waiting for a lock leaves connections to other requests", async () => {
  await using opened = await testDatabase({ maxConnections: 4 });
  const { database } = opened;
  const { unitOfWork } = subjectOn(opened);
  const end = Promise.withResolvers<void>();
  const buy = async () => {
    await end.promise;
    return ok(undefined);
  };
  const buyers = Array.from({ length: 60 }, () =>
    unitOfWork(testContext(), buy, { lock: ["hot"] }),
  );
  const other = await unitOfWork(testContext(), async () => ok("bought"), { lock: ["cold"] });
  assert.deepEqual(other, ok("bought"));
  for (let i = 0; i < 20; i += 1) assert.deepEqual(await database.query(one, []), [{ one: 1 }]);
  end.resolve();
  assert.equal((await Promise.all(buyers)).length, 60);
});

test("reports Unavailable within the deadline when a lock is never free", async () => {
  await using opened = await testDatabase();
  const { unitOfWork } = subjectOn(opened);
  const [begun, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const holding = unitOfWork(
    testContext(),
    async ({ notes }) => {
      await notes.byId(newId(NoteId)); // answered once the lock is held
      begun.resolve();
      await end.promise;
      return ok(undefined);
    },
    { lock: ["door"] },
  );
  await begun.promise;
  const late = () =>
    unitOfWork(testContext({ deadlineMs: clock.unixMs() + 100 }), async () => ok(undefined), {
      lock: ["door"],
    });
  const outcomes = await Promise.allSettled([late(), late(), late()]);
  end.resolve();
  await holding;
  for (const outcome of outcomes)
    assert.ok(outcome.status === "rejected" && outcome.reason instanceof Unavailable);
});

test("work that throws under a lock leaves no transaction and no lock behind", async () => {
  await using opened = await testDatabase({ maxConnections: 4 });
  const { database } = opened;
  const { unitOfWork } = subjectOn(opened);
  const idle = statement(
    "test.idle",
    `select 1 from pg_stat_activity
      where datname = current_database() and state like 'idle in transaction%'`,
  );
  const locks = statement(
    "test.locks",
    `select 1 from pg_locks where locktype = 'advisory'
        and database = (select oid from pg_database where datname = current_database())`,
  );
  const broken = statement("test.broken", "select 1 / 0");
  const backend = statement<{ readonly pid: number }>("test.pid", "select pg_backend_pid() as pid");
  const pids = new Set<number>();
  const breaking = [
    async () => {
      throw new Error("broken");
    },
    () => database.session((session) => session.query(broken, [])),
  ];
  for (const work of breaking)
    await assert.rejects(
      unitOfWork(
        testContext(),
        async () => {
          await work();
          return ok(undefined);
        },
        { lock: ["door"] },
      ),
    );
  await assert.rejects(
    database.session(async (session) => {
      await session.run("begin");
      for (const { pid } of await session.query(backend, [])) pids.add(pid);
      await session.run("select pg_advisory_lock(7)");
      await session.query(broken, []);
    }),
  );
  await database.session(async (session) => {
    for (const { pid } of await session.query(backend, [])) pids.add(pid);
  });
  assert.equal(pids.size, 1, "a connection that was rolled back is used again");
  assert.deepEqual(await database.query(idle, []), []);
  assert.deepEqual(await database.query(locks, []), []);
});

test("a deadline that has passed is Unavailable and sends nothing", async () => {
  await using opened = await testDatabase();
  const subject = subjectOn(opened);
  const late = subject.unitOfWork(testContext({ deadlineMs: 1 }), async ({ notes }) =>
    ok(notes.save(written("late"))),
  );
  await assert.rejects(late, Unavailable);
  assert.deepEqual(await subject.events(), []);
});
