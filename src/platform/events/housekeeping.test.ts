import assert from "node:assert/strict";
import { test } from "node:test";
import type { Context } from "#kernel/context.ts";
import { statement } from "../postgres/database.ts";
import { testDatabase, type TestDatabase } from "#test/database.ts";
import { eventAdmin } from "./admin.ts";
import { housekeeping, type Retention } from "./housekeeping.ts";

const days = 30;
const retention = { eventRetentionDays: days, idempotencyRetentionHours: 24 };

const fill = statement(
  "test.fill",
  `with keys as (
     insert into scratch.idempotency_keys (key, actor, fingerprint, outcome, created_at)
     select 'key-' || i, 'tester', 'f', '{}', now() - make_interval(hours => i)
       from generate_series(1, 2500) i
   ), reader as (
     insert into scratch.subscriptions (name, slot, position) values ('reader', 0, 1000000)
   )
   insert into scratch.events
     (id, stream, version, type, schema_version, payload, metadata, occurred_at)
   select 'evt_' || i, 'note_' || i, 1, 'scratch.note-written', 1, '{}', '{}',
          now() - make_interval(days => i)
     from generate_series(1, 2500) i`,
);
const left = statement<{ readonly keys: number; readonly events: number }>(
  "test.left",
  `select (select count(*) from scratch.idempotency_keys) as keys,
          (select count(*) from scratch.events) as events`,
);
const context: Context = { actor: "system", correlationId: "c", deadlineMs: Infinity };

/** Cleans the test's log once. */
async function clean(
  { database }: Pick<TestDatabase, "database">,
  more: Partial<Retention> & { readonly isEventStore?: boolean } = {},
): Promise<void> {
  const { isEventStore = false, ...changed } = more;
  const log = { ...eventAdmin(database, "scratch"), isEventStore };
  const { work } = housekeeping([log], { ...retention, ...changed });
  await work(context, new AbortController().signal);
}

test("housekeeping deletes what is older than its retention, batch after batch", async () => {
  await using opened = await testDatabase();
  const { database } = opened;
  await database.query(fill, []);
  await clean(opened);
  assert.deepEqual(await database.query(left, []), [{ keys: 23, events: days - 1 }]);
});

test("a retention of 0 days keeps every event", async () => {
  await using opened = await testDatabase();
  const { database } = opened;
  await database.query(fill, []);
  await clean(opened, { eventRetentionDays: 0 });
  assert.deepEqual(await database.query(left, []), [{ keys: 23, events: 2500 }]);
});

test("the events of an event store are kept, however old", async () => {
  await using opened = await testDatabase();
  const { database } = opened;
  await database.query(fill, []);
  await clean(opened, { isEventStore: true });
  assert.deepEqual(await database.query(left, []), [{ keys: 23, events: 2500 }]);
});

test("housekeeping ends between two batches when the process is about to stop", async () => {
  const asked: number[] = [];
  const stop = new AbortController();
  const chore = async (limit: number) => {
    asked.push(limit);
    if (asked.length === 2) stop.abort();
    return limit;
  };
  await housekeeping([], retention, [chore, chore]).work(context, stop.signal);
  assert.equal(asked.length, 2);
});

test("housekeeping fails while the database is away", async () => {
  const opened = await testDatabase();
  await opened[Symbol.asyncDispose]();
  await assert.rejects(clean(opened));
});
