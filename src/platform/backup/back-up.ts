import { createHash } from "node:crypto";
import { open, readFile, readdir, stat } from "node:fs/promises";
import path from "node:path";
import type { Writable } from "node:stream";
import type pg from "pg";
import type { ClientConfig } from "pg";
import { to as copyTo } from "pg-copy-streams";
import { migratingClient, type MigrationSource } from "../postgres/migrations.ts";
import { rebuildLock } from "../events/rebuild.ts";
import type { Timers } from "../runtime.ts";
import { writeArchive, type Part } from "./archive.ts";
import {
  blobFolder,
  blobLock,
  copied,
  emailFolder,
  manifestName,
  manifestSumName,
  masterKeyName,
  migrationsIn,
  nameOf,
  quotedName,
  sequencesIn,
  sumOf,
  sumsName,
  summingFiles,
  filesName,
  tableFolder,
  tablesIn,
  type Manifest,
  type Sum,
  type Table,
} from "./contents.ts";

/** The database cannot be backed up as it is. */
export class BackupRefused extends Error {
  override readonly name = "BackupRefused";
}

export type Source = {
  readonly connection: ClientConfig;
  readonly sources: readonly MigrationSource[];
  /** The version of Basalt. */
  readonly version: string;
  /** Where emails are, and the master key if it is a file. */
  readonly dataFolder: string;
  /** Folders below it with files that grow and are never changed. */
  readonly blobFolders: readonly string[];
  /** Ids of the master keys. */
  readonly masterKeys: readonly string[];
  /** Whether the master key is a file, which the backup takes in. */
  readonly hasMasterKey: boolean;
};

export type Pace = {
  readonly timers: Timers;
  /** Bytes of rows that are read in a second at most, so that requests are served meanwhile. */
  readonly bytesPerSecond: number;
  /** Hears how many bytes of about how many are done. */
  readonly onProgress?: (done: number, total: number) => void;
};

export type BackedUp = Pick<Manifest, "takenAt" | "hasMasterKey"> & {
  readonly tables: number;
  readonly rows: number;
  readonly emails: number;
  /** Bytes of files in folders of contexts. */
  readonly blobBytes: number;
};

const partBytes = 1024 * 1024;
/** Tables are locked against changes of their form; nothing waits longer for that. */
const lockTimeoutMs = 10_000;

/**
 * Writes an archive of everything that a Basalt has stored, as it was at one instant, while it goes
 * on serving. Throws `BackupRefused` for a database with tables that this Basalt does not know, or
 * while a read model is rebuilt.
 */
export async function backUp(source: Source, out: Writable, pace: Pace): Promise<BackedUp> {
  const archive = writeArchive(out);
  const client = migratingClient(source.connection);
  try {
    await client.connect();
    client.on("error", () => {}); // the statement under way reports it
    await client.query("select pg_advisory_lock_shared(hashtextextended($1, 0))", [blobLock]);
    const { manifest, total } = await freeze(client, source);
    const blobs = await blobsNow(source);
    const blobBytes = blobs.reduce((all, { size }) => all + size, 0);
    const described = json(manifestName, manifest);
    await archive.add(described);
    await archive.add({ name: manifestSumName, bytes: Buffer.from(sumOf(described.bytes)) });
    const files = summingFiles();
    const addFile = async (at: string, name: string) => {
      const part = await read(at, name);
      files.add(part);
      await archive.add(part);
    };
    if (manifest.hasMasterKey)
      await addFile(path.join(source.dataFolder, masterKeyName), masterKeyName);
    const emails = await emailsUntil(source.dataFolder, manifest.takenAt);
    for (const email of emails) await addFile(email.path, email.name);
    const sums: Record<string, Sum> = {};
    const paced = pacing(pace, total + blobBytes);
    for (const blob of blobs)
      for await (const part of partsOf(blob)) {
        files.add(part);
        await archive.add(part);
        await paced(part.bytes.length);
      }
    for (const table of manifest.tables)
      sums[nameOf(table)] = await copyOut(client, table, async (part) => {
        await archive.add(part);
        await paced(part.bytes.length);
      });
    await archive.add(json(sumsName, { ...sums, [filesName]: files.sum() }));
    await archive.end();
    return {
      takenAt: manifest.takenAt,
      tables: manifest.tables.length,
      rows: Object.values(sums).reduce((all, { rows }) => all + rows, 0),
      emails: emails.length,
      blobBytes,
      hasMasterKey: manifest.hasMasterKey,
    };
  } catch (error) {
    archive.abandon();
    throw error;
  } finally {
    await client.end();
  }
}

const json = (name: string, value: unknown): Part => ({
  name,
  bytes: Buffer.from(`${JSON.stringify(value, null, 2)}\n`),
});

/** Begins a transaction that sees one instant, and locks the tables against changes of their form. */
async function freeze(client: pg.Client, { sources, version, masterKeys, hasMasterKey }: Source) {
  await client.query(
    `set statement_timeout = 0; set idle_in_transaction_session_timeout = 0;
     set lock_timeout = ${lockTimeoutMs}; set datestyle = ISO; set timezone = UTC`,
  );
  const schemas = ["basalt", ...sources.map(({ schema }) => schema)];
  refuseUnknown(schemas, await migrationsIn(client));
  const before = await tablesIn(client, schemas);
  await client.query("begin isolation level repeatable read read only");
  await lockRebuilds(client, schemas);
  await client.query(`lock table ${before.map(quotedName).join(", ")} in access share mode`);
  const { rows } = await client.query<{ at: string; postgres: string }>(
    `select to_char(clock_timestamp(), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at,
            current_setting('server_version') as postgres`,
  );
  const tables = await tablesIn(client, schemas);
  const names = (all: readonly Table[]) => all.map(copied).join();
  if (names(tables) !== names(before)) throw new BackupRefused("migrations run now: try again");
  const manifest: Manifest = {
    format: 1,
    basalt: version,
    postgres: rows[0]?.postgres ?? "",
    takenAt: rows[0]?.at ?? "",
    migrations: await migrationsIn(client),
    tables: tables.map(({ schema, name, columns }) => ({ schema, name, columns })),
    sequences: await sequencesIn(client, schemas),
    masterKeys,
    hasMasterKey,
  };
  return { manifest, total: tables.reduce((all, { bytes }) => all + bytes, 0) };
}

/** A rebuild that was not finished leaves schemas of these names; they are made anew. */
const leftovers = /_(next|old)$/;

function refuseUnknown(schemas: readonly string[], applied: Manifest["migrations"]): void {
  const unknown = applied.find(
    ({ schema }) => !schemas.includes(schema) && !schemas.includes(schema.replace(leftovers, "")),
  );
  if (unknown)
    throw new BackupRefused(
      `the database has a schema "${unknown.schema}" of a context that this Basalt does not have: ` +
        "its tables would be missing",
    );
}

/** A rebuild swaps schemas, which this transaction would see half. */
async function lockRebuilds(client: pg.Client, schemas: readonly string[]): Promise<void> {
  for (const schema of schemas) {
    const { rows } = await client.query<{ locked: boolean }>(
      "select pg_try_advisory_xact_lock_shared(hashtextextended($1, 0)) as locked",
      [rebuildLock(schema)],
    );
    if (!rows[0]?.locked)
      throw new BackupRefused(`${schema} is being rebuilt now: try again after it`);
  }
}

const read = async (file: string, name: string): Promise<Part> => ({
  name,
  bytes: await readFile(file),
});

/** The emails that were written until an instant: later ones are of events that the backup lacks. */
async function emailsUntil(folder: string, instant: string) {
  const emails = path.join(folder, emailFolder);
  const found: { readonly name: string; readonly path: string }[] = [];
  for (const name of await readdir(emails).catch(() => [])) {
    const file = path.join(emails, name);
    if (name.endsWith(".eml") && (await stat(file)).mtimeMs <= Date.parse(instant))
      found.push({ name: `${emailFolder}${name}`, path: file });
  }
  return found;
}

type Blob = { readonly name: string; readonly path: string; readonly size: number };

/** The blobs as they are after the instant of the backup: all that rows of then refer to is in them. */
async function blobsNow({ dataFolder, blobFolders }: Source): Promise<readonly Blob[]> {
  const found: Blob[] = [];
  for (const folder of blobFolders)
    for (const name of await namesIn(path.join(dataFolder, folder))) {
      const file = path.join(dataFolder, folder, name);
      const { size } = await stat(file);
      found.push({ name: `${blobFolder}${folder}/${name}`, path: file, size });
    }
  return found;
}

/**
 * A folder that is not there is empty; one that cannot be read is an error. Files of other names are none of ours, such as those that network
 * file systems leave.
 */
async function namesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isFile() && /^[\w-]+$/.test(entry.name))
    .map(({ name }) => name);
}

const numbered = (number: number): string => String(number).padStart(6, "0");

/** What a blob had when it was found, in parts of a megabyte; it may have grown since. */
async function* partsOf({ name, path: at, size }: Blob): AsyncGenerator<Part> {
  await using file = await open(at);
  for (let from = 0, number = 1; from < size; from += partBytes, number += 1) {
    const bytes = Buffer.alloc(Math.min(partBytes, size - from));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
    if (bytesRead !== bytes.length) throw new BackupRefused(`${at} has become shorter meanwhile`);
    yield { name: `${name}/${numbered(number)}`, bytes };
  }
}

/** Hands over the rows of a table in parts of about a megabyte. */
async function copyOut(
  client: pg.Client,
  table: Table,
  add: (part: Part) => Promise<void>,
): Promise<Sum> {
  const rows = client.query(copyTo(`copy ${copied(table)} to stdout`));
  const hash = createHash("sha256");
  let [held, size, number] = [[] as Buffer[], 0, 0];
  const hand = async () => {
    const bytes = Buffer.concat(held);
    [held, size, number] = [[], 0, number + 1];
    hash.update(bytes);
    await add({ name: `${tableFolder}${nameOf(table)}/${numbered(number)}`, bytes });
  };
  for await (const chunk of rows as AsyncIterable<Buffer>) {
    held.push(chunk);
    size += chunk.length;
    if (size >= partBytes) await hand();
  }
  if (size > 0) await hand();
  return { rows: rows.rowCount, sha256: hash.digest("hex") };
}

/** Waits after each part for as long as the pace asks, and tells the progress. */
function pacing({ timers, bytesPerSecond, onProgress }: Pace, total: number) {
  const begun = timers.elapsedMs();
  let done = 0;
  return async (bytes: number): Promise<void> => {
    done += bytes;
    onProgress?.(Math.min(done, total), total);
    const earlyMs = (done / bytesPerSecond) * 1_000 - (timers.elapsedMs() - begun);
    if (earlyMs > 0) await new Promise<void>((resolve) => void timers.after(earlyMs, resolve));
  };
}
