import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock as clock } from "../system.ts";
import { testDatabase } from "#test/database.ts";
import { statement } from "./database.ts";
import { independentMutation, send } from "./writes.ts";

const create = statement(
  "test.create",
  "create table scratch.marks (id text primary key, mark int not null, statement xid8 not null)",
);
const upsert = independentMutation(
  "test.mark",
  "marks",
  `insert into scratch.marks values ($1, $2, pg_current_xact_id())
   on conflict (id) do update set mark = scratch.marks.mark * 10 + excluded.mark`,
);
const marks = statement<{ readonly id: string; readonly mark: number }>(
  "test.marks",
  "select id, mark from scratch.marks order by id",
);

test("independent writes leave together; those to one row keep their order", async () => {
  await using opened = await testDatabase();
  const { database } = opened;
  await database.query(create, []);
  const values = [
    ...Array.from({ length: 20 }, (_, i) => [`row-${i}`, 1]),
    ["row-0", 2],
    ["row-0", 3],
  ];
  const writes = values.map((row) => ({ mutation: upsert, values: row }));
  await send(database, writes, clock.unixMs() + 5_000);
  const found = await database.query(marks, []);
  assert.equal(found.length, 20);
  assert.equal(found.find(({ id }) => id === "row-0")?.mark, 123);
});

test("keeps all writes of one statement, or none", async () => {
  await using opened = await testDatabase();
  const { database } = opened;
  await database.query(create, []);
  const writes = ["a", "b", "c"].map((id, i) => ({
    mutation: upsert,
    values: [id, i === 2 ? null : i],
  }));
  await assert.rejects(send(database, writes, clock.unixMs() + 5_000), /not-null/);
  assert.deepEqual(await database.query(marks, []), []);
});
