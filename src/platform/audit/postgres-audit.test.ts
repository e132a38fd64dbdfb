import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { appRole, restrictToRole } from "#platform/postgres/app-role.ts";
import { statement } from "#platform/postgres/database.ts";
import { testDatabase, type TestDatabase } from "#test/database.ts";
import { testContext } from "#test/context.ts";
import { entryOf } from "#kernel/audit.ts";
import { chainEntries, postgresAudit, verifyChain } from "./postgres-audit.ts";

const context = testContext({ operation: "test.do" });

async function enter({ database }: TestDatabase, count: number): Promise<void> {
  const { enter: add } = postgresAudit(database);
  const entries = Array.from({ length: count }, (_, i) =>
    entryOf(context, { outcome: "ok", targets: [`thing_${i}`] }),
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

test("detects links cut off at the end by the recorded head", async () => {
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

test("finds an entry inserted below the last link and links later entries", async () => {
  await using opened = await testDatabase();
  const { database, sql } = opened;
  await sql("select setval('audit.positions', 100)");
  await enter(opened, 2);
  await chainEntries(database);
  await enter(opened, 1);
  const verdict = await verifyChain(database);
  assert.deepEqual([verdict.intact, verdict.intact && verdict.links], [true, 3]);
  await sql(`insert into audit.entries (position, at, actor, operation, outcome, targets, correlation_id)
    values (50, now() - interval '1 year', 'backdated', 'b', 'ok', '{}', 'c')`);
  const broken = await verifyChain(database);
  assert.ok(!broken.intact && broken.position === 50 && /no link/.test(broken.why));
});

test("an entry that commits late gets its link in the order of positions, however late", async () => {
  await using opened = await testDatabase();
  const { database, connection } = opened;
  const slow = new pg.Client(connection);
  await slow.connect();
  await slow.query("begin");
  await slow.query(
    `insert into audit.entries (at, actor, operation, outcome, targets, correlation_id)
       values (now() + interval '1 hour', 'slow', 'b', 'ok', '{}', 'c')`,
  );
  await enter(opened, 200);
  await chainEntries(database);
  assert.equal((await verifyChain(database)).intact, true);
  await slow.query("commit");
  await slow.end();
  const verdict = await verifyChain(database);
  assert.deepEqual([verdict.intact, verdict.intact && verdict.links], [true, 201]);
  const order = await opened.sql(
    "select count(*)::int as n from audit.chain c join audit.entries e using (position) where c.number = 1 and e.actor = 'slow'",
  );
  assert.deepEqual(order, [{ n: 1 }]);
});

test("whoever may add entries sets neither their times nor their links", async () => {
  await using opened = await testDatabase();
  assert.ok(await restrictToRole(opened.connection, []));
  const client = new pg.Client({ ...opened.connection, options: `-c role=${appRole}` });
  await client.connect();
  await client.query(
    `insert into audit.entries (at, actor, operation, outcome, targets, correlation_id)
       values ('2001-01-01', 'backdated', 'b', 'ok', '{}', 'c')`,
  );
  const isNow = "select bool_and(at > now() - interval '1 hour') as now from audit.entries";
  assert.deepEqual(await opened.sql(isNow), [{ now: true }]);
  for (const sql of [
    "insert into audit.chain values (1, 1, 'forged')",
    "insert into audit.entries (at, actor, operation, outcome, targets, correlation_id, personal) values (now(), 'a', 'b', 'ok', '{}', 'c', 'x')",
    "update audit.entries set address = null",
  ])
    await assert.rejects(client.query(sql), /permission denied/, sql);
  await client.end();
  const verdict = await verifyChain(opened.database);
  assert.deepEqual([verdict.intact, verdict.intact && verdict.links], [true, 1]);
});

test("the chain holds after an erasure, and nothing else can be changed with it", async () => {
  await using opened = await testDatabase();
  const { database, connection } = opened;
  const audit = postgresAudit(database);
  const origin = { address: "192.0.2.1", agent: "curl" };
  for (const actor of ["ada", "eve"])
    await audit.enter(entryOf({ ...context, actor, origin }, { outcome: "ok", targets: [] }));
  await chainEntries(database);
  await audit.erase({ actor: "ada", emails: [] });
  await enter(opened, 1);
  const verdict = await verifyChain(database);
  assert.deepEqual([verdict.intact, verdict.intact && verdict.links], [true, 3]);
  const client = new pg.Client(connection);
  await client.connect();
  const forge = "update audit.entries set address = '203.0.113.9' where actor = 'eve'";
  await assert.rejects(client.query(forge), /append-only/);
  await client.end();
  await tamper(opened, forge);
  const forged = await verifyChain(database);
  assert.deepEqual([forged.intact, !forged.intact && forged.link], [false, 2]);
});

test("entries from before erasures verify as they did", async () => {
  await using opened = await testDatabase();
  await enter(opened, 3);
  await tamper(
    opened,
    "update audit.entries set personal = null, salt = null, address = '192.0.2.1' where position = 2",
  );
  await chainEntries(opened.database);
  await postgresAudit(opened.database).erase({ actor: context.actor, emails: [] });
  const [old] = await opened.sql("select address from audit.entries where position = 2");
  assert.deepEqual(old, { address: "192.0.2.1" }, "its link is over its address: it stays");
  assert.equal((await verifyChain(opened.database)).intact, true);
});

test("the chain is closed by several processes that go on for long", async () => {
  await using opened = await testDatabase();
  const { database } = opened;
  for (let round = 0; round < 5; round += 1)
    await Promise.all([enter(opened, 20), chainEntries(database), chainEntries(database)]);
  const verdict = await verifyChain(database);
  assert.deepEqual([verdict.intact, verdict.intact && verdict.links], [true, 100]);
});

test("a long chain is closed at once, and tells how far its verification is", async () => {
  await using opened = await testDatabase();
  const { database } = opened;
  await opened.sql(`insert into audit.entries (at, actor, operation, outcome, targets, correlation_id)
    select now(), 'a', 'o', 'ok', '{}', 'c' from generate_series(1, 2500)`);
  assert.deepEqual([await chainEntries(database), await chainEntries(database)], [2_500, 0]);
  const told: number[] = [];
  const verdict = await verifyChain(database, undefined, (links) => told.push(links));
  assert.deepEqual(told, [1_000, 2_000]);
  const head = { number: 2_500, hash: verdict.intact ? verdict.head : "" };
  assert.deepEqual(await verifyChain(database, head), verdict);
});

test("filtered pages read only the rows that they answer", async () => {
  await using opened = await testDatabase();
  await opened.sql(`insert into audit.entries (at, actor, operation, outcome, targets, correlation_id)
    select now(), 'user_' || i % 100, 'op_' || i % 10,
           case when i = 7 then 'forbidden' else 'ok' end, array['t_' || i / 4], 'c'
      from generate_series(1, 50000) i`);
  await opened.sql("vacuum analyze audit.entries");
  const { page } = postgresAudit(opened.database);
  const read = async () => {
    const [row] = await opened.sql(
      `select pg_stat_force_next_flush(), seq_tup_read + coalesce(idx_tup_fetch, 0) as n
         from pg_stat_user_tables where schemaname = 'audit' and relname = 'entries'`,
    );
    return Number(row?.["n"]);
  };
  for (const filter of [{ target: "t_5" }, { outcome: "forbidden" }, { target: "nothing" }])
    for (let again = 0; again < 8; again += 1) {
      const before = await read();
      const found = await page(filter, { limit: 20 });
      assert.ok(found.length <= 4);
      await reported(opened);
      assert.ok((await read()) - before < 5_000, JSON.stringify(filter));
    }
});

/** Lets the connections of a database report what they have read. */
const reported = async ({ database }: TestDatabase) => {
  for (let i = 0; i < 3; i += 1) await database.query(flush, []);
};
const flush = statement("test.flush", "select pg_stat_force_next_flush()");
