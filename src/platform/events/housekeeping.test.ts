import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { pino } from "pino";
import { statement } from "../postgres/database.ts";
import { testDatabase } from "../../../test/support/database.ts";
import { eventAdmin } from "./admin.ts";
import { keepHouse } from "./housekeeping.ts";

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
const withTrouble = () => {
  const lines: string[] = [];
  return { lines, log: pino({ level: "warn" }, { write: (line: string) => lines.push(line) }) };
};

test("what is older than its retention goes, batch after batch; the rest stays", async () => {
  await using opened = await testDatabase();
  const { database } = opened;
  await database.query(fill, []);
  const { lines, log } = withTrouble();
  await using _house = keepHouse([eventAdmin(database, "scratch")], retention, log);
  const wanted = [{ keys: 23, events: days - 1 }];
  while (!isDeepStrictEqual(await database.query(left, []), wanted)) await sleep(10);
  assert.deepEqual(lines, []);
});

test("with a retention of 0 days, every event is kept", async () => {
  await using opened = await testDatabase();
  const { database } = opened;
  await database.query(fill, []);
  const { log } = withTrouble();
  const admins = [eventAdmin(database, "scratch")];
  const house = keepHouse(admins, { ...retention, eventRetentionDays: 0 }, log);
  while ((await database.query(left, []))[0]?.keys !== 23) await sleep(10);
  await sleep(100); // a pass that deleted events would have begun
  await house[Symbol.asyncDispose]();
  assert.deepEqual(await database.query(left, []), [{ keys: 23, events: 2500 }]);
});

test("events that aggregates are made of are kept, however old", async () => {
  await using opened = await testDatabase();
  const { database } = opened;
  await database.query(fill, []);
  const store = { ...eventAdmin(database, "scratch"), isEventStore: true };
  const house = keepHouse([store], retention, withTrouble().log);
  while ((await database.query(left, []))[0]?.keys !== 23) await sleep(10);
  await sleep(100); // a pass that deleted events would have begun
  await house[Symbol.asyncDispose]();
  assert.deepEqual(await database.query(left, []), [{ keys: 23, events: 2500 }]);
});

test("while the database is away, housekeeping says so and harms nobody", async () => {
  const opened = await testDatabase();
  await opened[Symbol.asyncDispose]();
  const { lines, log } = withTrouble();
  await keepHouse([eventAdmin(opened.database, "scratch")], retention, log)[Symbol.asyncDispose]();
  assert.match(lines.join(), /housekeeping failed/);
});
