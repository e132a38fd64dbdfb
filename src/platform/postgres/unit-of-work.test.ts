import assert from "node:assert/strict";
import { test } from "node:test";
import { expect, ok } from "#kernel/result.ts";
import { postgresAudit } from "../audit/postgres-audit.ts";
import { eventAdmin } from "../events/admin.ts";
import { systemClock as clock, systemIds as newId } from "../system.ts";
import { Unavailable } from "../unavailable.ts";
import { unitOfWorkContract } from "../unit-of-work.contract.ts";
import { testDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { postgresNotes, testContext, written } from "../../../test/support/notes.ts";
import { statement } from "./database.ts";
import { postgresUnitOfWork } from "./unit-of-work.ts";

function subjectOn(opened: TestDatabase) {
  let announcements = 0;
  const { database } = opened;
  const units = postgresUnitOfWork({
    ...{ database, schema: "scratch", scope: postgresNotes, clock, newId },
    onAppended: () => {
      announcements += 1;
    },
  });
  return {
    ...units,
    events: () => eventAdmin(database, "scratch").list({ limit: 1_000 }),
    announcements: () => announcements,
    audit: postgresAudit(database),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

unitOfWorkContract("Postgres", async () => subjectOn(await testDatabase()));

const calls = statement<{ readonly n: number }>(
  "test.transactions",
  "select xact_commit::int as n from pg_stat_database where datname = current_database()",
);
const flush = statement("test.flush", "select pg_stat_force_next_flush()");

test("a unit of work with its row, event and idempotency record is one transaction", async () => {
  await using opened = await testDatabase({ maxConnections: 1 });
  const { database } = opened;
  const { unitOfWork } = subjectOn(opened);
  const transactions = async () => {
    await database.query(flush, []);
    await database.query(flush, []);
    const [row] = await database.query(calls, []);
    return row?.n ?? NaN;
  };
  const before = await transactions();
  const idle = (await transactions()) - before;
  const units = 50;
  for (let i = 0; i < units; i += 1)
    expect(
      await unitOfWork(testContext(), async ({ notes }) => ok(notes.save(written(`note ${i}`)))),
    );
  const used = (await transactions()) - before - 2 * idle;
  assert.equal(used, units);
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
