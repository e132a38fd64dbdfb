import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { pino } from "pino";
import { Instant } from "#kernel/instant.ts";
import { systemClock as clock } from "#platform/system.ts";
import { testDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { testContext } from "../../../test/support/notes.ts";
import { entryOf } from "./audit.ts";
import { chainEntries, keepChained, postgresAudit, verifyChain } from "./postgres-audit.ts";

const context = testContext({ operation: "test.do" });

async function enter({ database }: TestDatabase, count: number): Promise<void> {
  const { enter: add } = postgresAudit(database);
  const entries = Array.from({ length: count }, (_, i) =>
    entryOf(context, { at: clock.now(), outcome: "ok", targets: [`thing_${i}`] }),
  );
  await Promise.all(entries.map((entry) => add(entry)));
}

/** What an attacker with the owner's password can do: the triggers are in the way, then are not. */
async function tamper({ connection }: TestDatabase, sql: string): Promise<void> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    await assert.rejects(client.query(sql), /append-only/);
    await client.query("set session_replication_role = replica");
    await client.query(sql);
  } finally {
    await client.end();
  }
}

test("entries of many writers form one chain, also where several processes close it", async () => {
  await using opened = await testDatabase();
  const { database } = opened;
  await Promise.all([
    enter(opened, 200),
    ...Array.from({ length: 4 }, () => chainEntries(database)),
  ]);
  await chainEntries(database);
  const verdict = await verifyChain(database);
  assert.deepEqual([verdict.intact, verdict.intact && verdict.links], [true, 200]);
});

const attacks: readonly (readonly [string, string, RegExp])[] = [
  ["changed", "update audit.entries set actor = 'nobody' where position = 3", /3 .* was changed/],
  ["deleted", "delete from audit.entries where position = 3", /3 .*entry is missing/],
  [
    "deleted with its link",
    `with gone as (delete from audit.entries where position = 3)
     delete from audit.chain where number = 3`,
    /3 .*link is missing/,
  ],
  [
    "put in beside the chain",
    "update audit.chain set position = 99 where number = 3",
    /3 .*missing/,
  ],
];
for (const [what, sql, expected] of attacks)
  test(`an entry that was ${what} is the first broken link`, async () => {
    await using opened = await testDatabase();
    await enter(opened, 5);
    await chainEntries(opened.database);
    await tamper(opened, sql);
    const verdict = await verifyChain(opened.database);
    assert.ok(!verdict.intact);
    assert.match(`${verdict.link} ${verdict.why}`, expected);
  });

test("links cut off at the end are missed by whoever noted the head", async () => {
  await using opened = await testDatabase();
  const { database } = opened;
  await enter(opened, 5);
  await chainEntries(database);
  const noted = await verifyChain(database);
  assert.ok(noted.intact);
  const expected = { number: noted.links, hash: noted.head };
  await tamper(opened, "delete from audit.chain where number > 3");
  await tamper(opened, "delete from audit.entries where position > 3");
  assert.ok((await verifyChain(database)).intact);
  const verdict = await verifyChain(database, expected);
  assert.deepEqual([verdict.intact, !verdict.intact && verdict.link], [false, 4]);

  await enter(opened, 2);
  await chainEntries(database);
  const rewritten = await verifyChain(database, expected);
  assert.ok(!rewritten.intact && /noted/.test(rewritten.why));
});

test("an old entry without a link is found; of a new one, the link may still come", async () => {
  await using opened = await testDatabase();
  const { database } = opened;
  await enter(opened, 2);
  await chainEntries(database);
  await enter(opened, 1);
  assert.ok((await verifyChain(database)).intact);
  const hourAgo = Instant.fromUnixMs(clock.unixMs() - 3_600_000);
  await postgresAudit(database).enter(
    entryOf(context, { at: hourAgo, outcome: "ok", targets: [] }),
  );
  const verdict = await verifyChain(database);
  assert.ok(!verdict.intact && verdict.position === 4 && /no link/.test(verdict.why));
});

test("an entry that commits late gets its link after those that overtook it", async () => {
  await using opened = await testDatabase();
  const { database, connection } = opened;
  const slow = new pg.Client(connection);
  await slow.connect();
  await slow.query("begin");
  await slow.query(
    `insert into audit.entries (at, actor, operation, outcome, targets, correlation_id)
       values (now(), 'slow', 'b', 'ok', '{}', 'c')`,
  );
  await using _chaining = keepChained(database, pino({ level: "silent" }));
  await enter(opened, 3);
  await chainEntries(database);
  await slow.query("commit");
  await slow.end();
  await chainEntries(database);
  const verdict = await verifyChain(database);
  assert.deepEqual([verdict.intact, verdict.intact && verdict.links], [true, 4]);
});
