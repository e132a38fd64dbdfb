import assert from "node:assert/strict";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { scratch } from "#test/basalt.ts";
import { testDatabase } from "#test/database.ts";
import { statement } from "./database.ts";
import { migrate, MigrationRefused } from "./migrations.ts";

const first = "create table {schema}.books (id text primary key);";
const second = "create table {schema}.pages (id text primary key);";

async function given(files: Readonly<Record<string, string>>) {
  await using undo = new AsyncDisposableStack();
  const folder = undo.use(await scratch());
  const { database, connection } = undo.use(await testDatabase());
  const write = (name: string, sql: string) => writeFileSync(path.join(folder.path, name), sql);
  for (const [name, sql] of Object.entries(files)) write(name, sql);
  const tables = statement<{ readonly name: string }>(
    "test.tables",
    "select table_name as name from information_schema.tables where table_schema = 'shelf' order by 1",
  );
  const opened = undo.move();
  return {
    write,
    database,
    folder: folder.path,
    migrate: async () =>
      (await migrate(connection, [{ schema: "shelf", source: "test", folder: folder.path }])).map(
        ({ name }) => name,
      ),
    tables: async () => (await database.query(tables, [])).map(({ name }) => name),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

test("applies missing migrations in order, once", async () => {
  await using shelf = await given({ "0002_pages.sql": second, "0001_books.sql": first });
  assert.deepEqual(await shelf.migrate(), ["0001_books", "0002_pages"]);
  assert.deepEqual(await shelf.migrate(), []);
  shelf.write("0003_more.sql", "alter table {schema}.books add title text;");
  assert.deepEqual(await shelf.migrate(), ["0003_more"]);
});

test("lets one of many concurrent processes migrate", async () => {
  await using shelf = await given({ "0001_books.sql": first, "0002_pages.sql": second });
  const applied = await Promise.all(Array.from({ length: 8 }, () => shelf.migrate()));
  assert.deepEqual(applied.flat(), ["0001_books", "0002_pages"]);
});

test("refuses a changed migration, whatever its line endings", async () => {
  await using shelf = await given({ "0001_books.sql": `${first}\n-- old` });
  await shelf.migrate();
  shelf.write("0001_books.sql", `${first}\r\n-- old`);
  assert.deepEqual(await shelf.migrate(), []);
  shelf.write("0001_books.sql", `${first}\n-- new`);
  await assert.rejects(shelf.migrate(), MigrationRefused);
});

test("a file that comes before an applied one is refused", async () => {
  await using shelf = await given({ "0002_pages.sql": second });
  await shelf.migrate();
  shelf.write("0001_books.sql", first);
  await assert.rejects(shelf.migrate(), /0001_books .* comes before 0002_pages/);
  assert.deepEqual(await shelf.tables(), ["pages"]);
});

for (const [name, reason] of [
  ["books.sql", "not named"],
  ["0001_Books.sql", "not named"],
  ["0001_again.sql", "exists already"],
] as const)
  test(`a file called ${name} is refused before anything is applied`, async () => {
    await using shelf = await given({ "0001_books.sql": first, [name]: second });
    await assert.rejects(shelf.migrate(), new RegExp(reason));
    assert.deepEqual(await shelf.tables(), []);
  });

test("rolls a failing migration back and continues with the mended file", async () => {
  await using shelf = await given({
    "0001_books.sql": first,
    "0002_pages.sql": `${second} select 1 / 0;`,
  });
  await assert.rejects(shelf.migrate(), /0002_pages .* failed/);
  assert.deepEqual(await shelf.tables(), ["books"]);
  shelf.write("0002_pages.sql", second);
  assert.deepEqual(await shelf.migrate(), ["0002_pages"]);
});

test("a migration that is killed midway leaves nothing of its file", async () => {
  await using shelf = await given({
    "0001_books.sql": first,
    "0002_pages.sql": `${second} select pg_sleep(30);`,
  });
  const killed = assert.rejects(shelf.migrate());
  const kill = statement<{ readonly done: boolean }>(
    "test.kill",
    `select pg_terminate_backend(pid) as done from pg_stat_activity
      where application_name = 'basalt-migrate' and datname = current_database()
        and query like '%pg_sleep(30)%'`,
  );
  while ((await shelf.database.query(kill, [])).length === 0) await sleep(10);
  await killed;
  assert.deepEqual(await shelf.tables(), ["books"]);
  shelf.write("0002_pages.sql", second);
  assert.deepEqual(await shelf.migrate(), ["0002_pages"]);
});

test("an applied file that was renamed is refused; newer ones may be missing", async () => {
  await using shelf = await given({ "0001_books.sql": first, "0002_pages.sql": second });
  await shelf.migrate();
  rmSync(path.join(shelf.folder, "0002_pages.sql"));
  assert.deepEqual(await shelf.migrate(), []);
  renameSync(path.join(shelf.folder, "0001_books.sql"), path.join(shelf.folder, "0003_books.sql"));
  await assert.rejects(shelf.migrate(), /0001_books .* is gone/);
});
