import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readFile, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { Readable, Writable } from "node:stream";
import { describe, test } from "node:test";
import { createZstdDecompress } from "node:zlib";
import type { ClientConfig } from "pg";
import { scratch } from "#test/basalt.ts";
import { ask, connect, testDatabase } from "#test/database.ts";
import { testSources } from "#test/template.ts";
import { rebuildLock } from "../events/rebuild.ts";
import { subjectOn } from "../events/testing/postgres-subject.ts";
import { write } from "../events/testing/subject.ts";
import { migrate, MigrationRefused } from "../postgres/migrations.ts";
import { systemTimers as timers } from "../system.ts";
import { ArchiveBroken, readArchive, writeArchive } from "./archive.ts";
import { backUp, BackupRefused } from "./back-up.ts";
import { restore, RestoreRefused, verifyBackup } from "./restore.ts";

const fast = { timers, bytesPerSecond: 1e12 };
const keyId = "0123abcd";

/** A database with a data folder, and what backs both up and restores others from that. */
async function given() {
  await using undo = new AsyncDisposableStack();
  const opened = undo.use(await testDatabase());
  const folder = undo.use(await scratch());
  const more: ClientConfig[] = [];
  undo.defer(async () => {
    for (const { database } of more)
      await ask({ ...opened.connection, database: "postgres" }, `drop database ${database}`);
  });
  const { connection } = opened;
  const source = {
    connection,
    sources: testSources,
    version: "1.2.3",
    dataFolder: path.join(folder.path, "from"),
    blobFolders: ["things/blobs"],
    masterKeys: [keyId],
    hasMasterKey: true,
  };
  const file = path.join(folder.path, "backup");
  await mkdir(path.join(source.dataFolder, "email"), { recursive: true });
  await writeFile(path.join(source.dataFolder, "master.key"), "the key");
  const running = undo.move();
  return {
    ...opened,
    source,
    file,
    backUp: (changes: Partial<typeof source> = {}) =>
      backUp({ ...source, ...changes }, createWriteStream(file), fast),
    /** A database without tables, and a data folder without files. */
    async target() {
      const database = `${connection.database}_${randomUUID().slice(0, 8)}`;
      const elsewhere = { ...connection, database };
      await ask({ ...connection, database: "postgres" }, `create database ${database}`);
      more.push(elsewhere);
      const dataFolder = path.join(folder.path, database);
      const connecting = async () => elsewhere;
      return {
        connection: elsewhere,
        target: { connect: connecting, sources: testSources, dataFolder, masterKeys: [] },
        dataFolder,
      };
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

const ignore = () => {};

async function putBlob(dataFolder: string, bytes: string | Buffer): Promise<string> {
  const blobs = path.join(dataFolder, "things/blobs");
  await mkdir(blobs, { recursive: true });
  await writeFile(path.join(blobs, "b1"), bytes);
  return path.join(blobs, "b1");
}

/** Keeps what is written to it. */
function collecting() {
  const chunks: Buffer[] = [];
  const out = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { chunks, out };
}

/** All rows and sequences of a database, as text. */
async function contents(connection: ClientConfig) {
  const tables = await ask(
    connection,
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema', 'emptying') order by 1`,
  );
  const rows = tables.map(
    ({ name }) => `select '${String(name)}' as t, x::text from ${String(name)} x`,
  );
  return {
    rows: await ask(connection, rows.join(" union all ")),
    sequences: await ask(
      connection,
      `select schemaname, sequencename, last_value from pg_sequences
        where schemaname <> 'emptying' order by 1, 2`,
    ),
    form: await ask(
      connection,
      `select tgrelid::regclass::text, tgname, tgenabled from pg_trigger
        where tgrelid::regclass::text not like 'emptying%' order by 1, 2`,
    ),
  };
}

describe("a backup", () => {
  test("brings back all rows, sequences, triggers, the master key and the emails", async () => {
    await using from = await given();
    const subject = subjectOn(from);
    for (const title of ["a", "tab\t, \\N and \\.", "two\nlines", "ü 王 \u{1f600}"])
      await write(subject, title);
    await from.sql(
      `insert into audit.entries (at, actor, operation, outcome, targets, correlation_id)
       values (now(), 'a', 'o', 'ok', '{}', 'c');
       insert into scratch.sightings (event_id, stream, version) values ('e', 's', 1);
       select nextval('scratch.positions')`,
    );
    const email = path.join(from.source.dataFolder, "email/evt_1.eml");
    await writeFile(email, "To: ada@example.com");
    await utimes(email, new Date(0), new Date(0));
    const blob = randomBytes(2_500_000);
    await putBlob(from.source.dataFolder, blob);

    const backedUp = await from.backUp();
    const into = await from.target();
    const restored = await restore(into.target, createReadStream(from.file), ignore);

    assert.deepEqual([backedUp.blobBytes, restored.blobBytes], [blob.length, blob.length]);
    assert.ok((await readFile(path.join(into.dataFolder, "things/blobs/b1"))).equals(blob));
    const [before, after] = [await contents(from.connection), await contents(into.connection)];
    assert.ok(before.rows.length > 10 && before.form.length > 5);
    assert.deepEqual(after, before);
    assert.equal(await readFile(path.join(into.dataFolder, "master.key"), "utf8"), "the key");
    assert.equal(
      await readFile(path.join(into.dataFolder, "email/evt_1.eml"), "utf8"),
      "To: ada@example.com",
    );
    const { hasMasterKey: _hasMasterKey, ...counts } = backedUp;
    assert.deepEqual(restored, { ...counts, emails: 1, basalt: "1.2.3" });
    assert.deepEqual(await verifyBackup(createReadStream(from.file), ignore), restored);
    assert.deepEqual(await migrate(into.connection, testSources), []);
  });

  test("holds one instant, while writers go on", async () => {
    await using from = await given();
    const subject = subjectOn(from);
    const over = new AbortController();
    const writer = async () => {
      while (!over.signal.aborted) await write(subject, randomUUID());
    };
    const writers = Array.from({ length: 4 }, writer);
    for (let n = 0; n < 20; n += 1) await write(subject, randomUUID());
    await backUp({ ...from.source }, createWriteStream(from.file), { timers, bytesPerSecond: 2e6 });
    over.abort();
    await Promise.all(writers);
    const into = await from.target();
    await restore(into.target, createReadStream(from.file), ignore);

    const notes = "select id, version::int from scratch.notes order by id";
    const events = "select payload ->> 'noteId' as id, version::int from scratch.events order by 1";
    const kept = await ask(into.connection, notes);
    assert.deepEqual(await ask(into.connection, events), kept);
    assert.ok(kept.length < (await from.sql(notes)).length);
  });

  test("leaves out emails that were written after its instant", async () => {
    await using from = await given();
    const email = path.join(from.source.dataFolder, "email/evt_1.eml");
    await writeFile(email, "To: ada@example.com");
    await utimes(email, new Date(), new Date(Date.now() + 60_000));
    assert.equal((await from.backUp()).emails, 0);
  });

  test("puts back foreign keys and triggers of a context, and computed columns", async () => {
    await using from = await given();
    await using folder = await scratch();
    await writeFile(
      path.join(folder.path, "0001_shelf.sql"),
      `create table shelf.books (id int primary key, twice int generated always as (id * 2) stored,
         sequel int references shelf.books);
       create table shelf.a_pages (book int not null references shelf.books on delete cascade);
       create function shelf.refuse() returns trigger language plpgsql as
         $$ begin raise exception 'no more'; end $$;
       insert into shelf.books values (99);`,
    );
    const shelf = { schema: "shelf", source: "shelf", folder: folder.path };
    const sources = [...testSources, shelf];
    await migrate(from.connection, sources);
    await from.sql(
      `delete from shelf.books; insert into shelf.books (id, sequel) values (1, null), (2, 1);
       insert into shelf.a_pages values (2);
       create trigger full_up before insert on shelf.a_pages execute function shelf.refuse()`,
    );
    await from.backUp({ sources });
    const into = await from.target();
    await writeFile(
      path.join(folder.path, "0002_full.sql"),
      "create trigger full_up before insert on shelf.a_pages execute function shelf.refuse()",
    );
    // The trigger is not in the migrations of the backup: it comes with those that follow.
    await restore({ ...into.target, sources }, createReadStream(from.file), ignore);
    await migrate(into.connection, sources);

    const [row] = await ask(into.connection, "select sum(twice)::int from shelf.books");
    assert.deepEqual(row, { sum: 6 });
    const insert = "insert into shelf.a_pages values (7)";
    await assert.rejects(ask(into.connection, insert), /no more/);
    const drop = "drop trigger full_up on shelf.a_pages";
    await assert.rejects(ask(into.connection, drop, insert), /foreign key/);
  });
});

describe("a backup is refused", () => {
  test("of a database with a context that this Basalt does not have", async () => {
    await using from = await given();
    const sources = testSources.filter(({ schema }) => schema !== "scratch");
    await assert.rejects(from.backUp({ sources }), BackupRefused);
  });

  test("while a read model is rebuilt", async () => {
    await using from = await given();
    await using other = await connect(from);
    const lock = `select pg_advisory_lock(hashtextextended('${rebuildLock("catalog_search")}', 0))`;
    await other.query(lock);
    await assert.rejects(from.backUp(), /catalog_search is being rebuilt/);
  });

  test("where its file cannot be written, and names the reason", async () => {
    await using from = await given();
    let room = 200;
    const full = new Writable({
      write(chunk: Buffer, _encoding, done) {
        room -= chunk.length;
        done(room < 0 ? new Error("ENOSPC: no space left on device") : null);
      },
    });
    await assert.rejects(backUp(from.source, full, fast), /ENOSPC/);
  });
});

describe("a restore is refused, and leaves no table,", () => {
  const isEmpty = async (connection: ClientConfig) => {
    const [row] = await ask(connection, "select to_regnamespace('basalt') is null as is_empty");
    return row?.["is_empty"];
  };

  test("from a file that was changed or cut short anywhere", async () => {
    await using from = await given();
    await from.sql(
      "insert into scratch.sightings (event_id, stream, version) values ('e', 's', 1)",
    );
    await from.backUp();
    const whole = await readFile(from.file);
    const into = await from.target();
    const damaged = Array.from({ length: 5 }, (_, n) => {
      const at = Math.floor((whole.length * n) / 5);
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 1;
      return [changed, whole.subarray(0, at)];
    });
    for (const bytes of [...damaged.flat(), randomBytes(100)]) {
      const input = () => Readable.from([bytes]);
      await assert.rejects(restore(into.target, input(), ignore), ArchiveBroken);
      await assert.rejects(verifyBackup(input(), ignore), ArchiveBroken);
      assert.equal(await isEmpty(into.connection), true);
    }
  });

  test("from an archive that lacks rows, or holds others than it announces", async () => {
    await using from = await given();
    await from.sql(
      "insert into scratch.sightings (event_id, stream, version) values ('e', 's', 1)",
    );
    const email = path.join(from.source.dataFolder, "email/evt_1.eml");
    await writeFile(email, "To: ada@example.com");
    await utimes(email, new Date(0), new Date(0));
    await from.backUp();
    const into = await from.target();
    const row = "tables/scratch.sightings/000001";
    const changes: Readonly<Record<string, (name: string, bytes: Buffer) => Buffer | undefined>> = {
      lacking: (name, bytes) => (name === row ? undefined : bytes),
      other: (name, bytes) => (name === row ? Buffer.from("e\tt\t1\t1\n") : bytes),
      "without its master key": (name, bytes) => (name === "master.key" ? undefined : bytes),
      "with another master key": (name, bytes) =>
        name === "master.key" ? Buffer.from("another") : bytes,
      "without emails": (name, bytes) => (name.startsWith("email/") ? undefined : bytes),
      "without sums": (name, bytes) => (name === "sums.json" ? undefined : bytes),
      "without a beginning": (name, bytes) => (name === "manifest.json" ? undefined : bytes),
    };
    for (const [what, change] of Object.entries(changes)) {
      const { chunks, out } = collecting();
      const archive = writeArchive(out);
      for await (const { name, bytes } of readArchive(createReadStream(from.file))) {
        const changed = change(name, bytes);
        if (changed) await archive.add({ name, bytes: changed });
      }
      await archive.end();
      const input = () => Readable.from(chunks);
      await assert.rejects(restore(into.target, input(), ignore), ArchiveBroken, what);
      await assert.rejects(verifyBackup(input(), ignore), ArchiveBroken, what);
      assert.equal(await isEmpty(into.connection), true);
    }
  });

  test("from an archive with a file that would lie outside of the data folder", async () => {
    await using from = await given();
    await putBlob(from.source.dataFolder, "x");
    await from.backUp();
    const into = await from.target();
    for (const other of ["blobs/../../evil/000001", "blobs//etc/evil/000001", "blobs/a.b/000001"]) {
      const { chunks, out } = collecting();
      const archive = writeArchive(out);
      for await (const { name, bytes } of readArchive(createReadStream(from.file)))
        await archive.add({ name: name.startsWith("blobs/") ? other : name, bytes });
      await archive.end();
      const restoring = restore(into.target, Readable.from(chunks), ignore);
      await assert.rejects(restoring, /a file of another kind/, other);
      assert.equal(await isEmpty(into.connection), true);
    }
  });

  test("into a data folder that another Basalt keeps its files in, and leaves them alone", async () => {
    await using from = await given();
    await putBlob(from.source.dataFolder, "x");
    await from.backUp();
    const into = await from.target();
    const there = await putBlob(into.dataFolder, "of another one");
    const restoring = restore(into.target, createReadStream(from.file), ignore);
    await assert.rejects(restoring, { name: "RestoreRefused", message: /is there already/ });
    assert.equal(await readFile(there, "utf8"), "of another one");
    assert.equal(await isEmpty(into.connection), true);
  });

  test("into a database that is in use", async () => {
    await using from = await given();
    await from.backUp();
    const { target } = await from.target();
    const used = { ...target, connect: async () => from.connection };
    await assert.rejects(restore(used, createReadStream(from.file), ignore), RestoreRefused);
  });

  test("into a database that another restore or a start makes its own at the same time", async () => {
    await using from = await given();
    await from.backUp();
    const { target } = await from.target();
    const restoring = async () => restore(target, createReadStream(from.file), ignore);
    const both = await Promise.allSettled([restoring(), restoring()]);
    const refusals = both.filter((one) => one.status === "rejected");
    assert.deepEqual(
      refusals.map(({ reason }) => reason instanceof RestoreRefused),
      [true],
    );

    const started = await from.target();
    const [, late] = await Promise.allSettled([
      migrate(started.connection, testSources),
      restore(started.target, createReadStream(from.file), ignore),
    ]);
    assert.ok(late.status === "fulfilled" || late.reason instanceof RestoreRefused, late.status);
  });

  test("by a Basalt that lacks one of its migrations", async () => {
    await using from = await given();
    await from.backUp();
    const into = await from.target();
    const sources = testSources.filter(({ schema }) => schema !== "scratch");
    const older = { ...into.target, sources };
    await assert.rejects(restore(older, createReadStream(from.file), ignore), MigrationRefused);
    assert.equal(await isEmpty(into.connection), true);
  });

  test("where another master key is at hand, or none", async () => {
    await using from = await given();
    await from.backUp();
    const into = await from.target();
    const input = () => createReadStream(from.file);
    const other = { ...into.target, masterKeys: ["89ef0123"] };
    await assert.rejects(restore(other, input(), ignore), /unset it/);
    await mkdir(into.dataFolder);
    await writeFile(path.join(into.dataFolder, "master.key"), "another key");
    await assert.rejects(restore(into.target, input(), ignore), /move it away/);
    assert.equal(await isEmpty(into.connection), true);

    await from.backUp({ hasMasterKey: false });
    await assert.rejects(restore(into.target, input(), ignore), /set it to the value/);
    const same = { ...into.target, masterKeys: [keyId] };
    assert.equal((await restore(same, input(), ignore)).emails, 0);
  });
});

test("an archive can be listed and read by others", async () => {
  const { chunks, out } = collecting();
  const archive = writeArchive(out);
  await archive.add({ name: "a/b", bytes: Buffer.from("text") });
  await archive.add({ name: "empty", bytes: Buffer.alloc(0) });
  await archive.end();
  const tar = await buffer(Readable.from(chunks).pipe(createZstdDecompress()));
  assert.equal(tar.subarray(257, 262).toString(), "ustar");
  assert.equal(tar.subarray(512, 516).toString(), "text");
});
