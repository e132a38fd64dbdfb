import { createHash } from "node:crypto";
import { mkdir, open as openFile, readFile, rename, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import path from "node:path";
import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import type pg from "pg";
import type { ClientConfig } from "pg";
import { from as copyFrom, type CopyStreamQuery } from "pg-copy-streams";
import {
  holdMigrations,
  migratingClient,
  migrateAs,
  type MigrationSource,
} from "../postgres/migrations.ts";
import { writeOnce } from "../write-once.ts";
import { ArchiveBroken, readArchive, type Part } from "./archive.ts";
import {
  blobFolder,
  copied,
  emailFolder,
  filesName,
  manifestName,
  masterKeyName,
  nameOf,
  quotedName,
  sumOf,
  sumsName,
  summingFiles,
  tableFolder,
  type Manifest,
  type Sum,
  type Sums,
  type Table,
} from "./contents.ts";

/** Restoring would destroy or mix data, or the backup does not fit to this Basalt. */
export class RestoreRefused extends Error {
  override readonly name = "RestoreRefused";
}

export type Target = {
  /** Opens the database; asked once the backup is known to be one. */
  readonly connect: () => Promise<ClientConfig>;
  readonly sources: readonly MigrationSource[];
  /** Where the master key, emails and files of contexts go. */
  readonly dataFolder: string;
  /** Ids of the master keys that the settings give; none where the key is a file. */
  readonly masterKeys: readonly string[];
};

export type Restored = Pick<Manifest, "takenAt" | "basalt"> & {
  readonly tables: number;
  readonly rows: number;
  readonly emails: number;
  /** Bytes of files in folders of contexts. */
  readonly blobBytes: number;
};

type Progress = () => void;

/** Reads a whole backup and compares it with its own checksums. Changes nothing. */
export async function verifyBackup(input: Readable, onProgress: Progress): Promise<Restored> {
  const [manifest, parts] = await open(input);
  let [emails, blobBytes, seen] = [0, 0, new Summing()];
  let sums: Sums | undefined;
  for await (const { name, bytes } of parts) {
    if (name.startsWith(tableFolder)) seen.add(tableOf(manifest, name), bytes);
    if (name.startsWith(emailFolder)) emails += 1;
    if (name.startsWith(blobFolder)) blobBytes += bytes.length;
    if (isFile(name)) seen.files.add({ name, bytes });
    if (name === sumsName) sums = JSON.parse(bytes.toString()) as Sums;
    onProgress();
  }
  refuseDifferent(sums, seen.sums(manifest));
  return restoredOf(manifest, sums, { emails, blobBytes });
}

/**
 * Makes an empty database and a data folder what they were when the backup was made: the tables at
 * the same migrations, the rows, sequences, master key and emails. In one transaction: a restore
 * that fails or is killed leaves no table. Throws `RestoreRefused` or `ArchiveBroken`.
 */
export async function restore(
  target: Target,
  input: Readable,
  onProgress: Progress,
): Promise<Restored> {
  const [manifest, parts] = await open(input);
  const client = migratingClient(await target.connect());
  try {
    await client.connect();
    client.on("error", () => {}); // the statement under way reports it
    await client.query("set statement_timeout = 0; set idle_in_transaction_session_timeout = 0");
    await client.query("begin");
    await holdMigrations(client);
    await refuseUsed(client);
    refuseKeys(target.masterKeys, manifest);
    await migrateAs(client, target.sources, manifest.migrations);
    const constraints = await cleared(client, manifest);
    const filling = { manifest, parts, onProgress };
    const { sums, seen, masterKey, blobs, ...counts } = await fill(
      client,
      target.dataFolder,
      filling,
    );
    refuseDifferent(sums, seen);
    await settle(client, manifest, constraints);
    if (masterKey !== undefined) await putMasterKey(target.dataFolder, masterKey);
    await blobs.finish();
    await client.query("commit");
    await client.query("analyze");
    return restoredOf(manifest, sums, counts);
  } finally {
    await client.end();
  }
}

async function open(input: Readable): Promise<readonly [Manifest, AsyncGenerator<Part>]> {
  const parts = readArchive(input);
  const first = await parts.next();
  const second = await parts.next();
  if (first.done || second.done || first.value.name !== manifestName)
    throw new ArchiveBroken("this is no backup of a Basalt");
  if (second.value.bytes.toString() !== sumOf(first.value.bytes))
    throw new ArchiveBroken("the beginning of the backup is damaged");
  const manifest = JSON.parse(first.value.bytes.toString()) as Manifest;
  if (manifest.format !== 1)
    throw new RestoreRefused(
      `the backup has format ${String(manifest.format)}; this Basalt reads format 1`,
    );
  return [manifest, parts];
}

async function refuseUsed(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ used: boolean }>(
    "select to_regclass('basalt.migrations') is not null as used",
  );
  if (rows[0]?.used)
    throw new RestoreRefused(
      "the database is in use. Restore into an empty one: give another BASALT_DATABASE_URL or " +
        "BASALT_DATA_DIR (both, where it has files), or stop Basalt and move its data folder away.",
    );
}

/** A key of the settings comes before the one of a file. */
function refuseKeys(given: readonly string[], { masterKeys, hasMasterKey }: Manifest): void {
  if (given.length === 0 && hasMasterKey) return;
  const missing = masterKeys.find((id) => !given.includes(id));
  if (missing !== undefined)
    throw new RestoreRefused(
      `the secrets of the backup were sealed with master key ${missing}, which BASALT_MASTER_KEY does ` +
        `not have: ${hasMasterKey ? "unset it" : "set it to the value that it had there"}`,
    );
}

/** Takes away the rows that migrations have made, and what would judge or change rows on their way in. */
async function cleared(client: pg.Client, { tables }: Manifest): Promise<readonly string[]> {
  const { rows } = await client.query<{ table: string; name: string; definition: string }>(
    `select conrelid::regclass::text as table, quote_ident(conname) as name,
            pg_get_constraintdef(oid) as definition
       from pg_constraint where contype = 'f' and conrelid >= 16384`,
  );
  for (const { table, name } of rows)
    await client.query(`alter table ${table} drop constraint ${name}`);
  for (const table of tables)
    await client.query(`alter table ${quotedName(table)} disable trigger user`);
  if (tables.length > 0) await client.query(`truncate ${tables.map(quotedName).join(", ")}`);
  return rows.map(
    ({ table, name, definition }) => `alter table ${table} add constraint ${name} ${definition}`,
  );
}

type Filling = {
  readonly manifest: Manifest;
  readonly parts: AsyncGenerator<Part>;
  readonly onProgress: Progress;
};

async function fill(client: pg.Client, folder: string, { manifest, parts, onProgress }: Filling) {
  const seen = new Summing();
  let [emails, blobBytes] = [0, 0];
  const blobs = blobsIn(folder);
  let masterKey: string | undefined;
  let sums: Sums | undefined;
  let into: { readonly table: Table; readonly copy: CopyStreamQuery } | undefined;
  const close = async () => {
    if (!into) return;
    into.copy.end();
    await finished(into.copy);
    into = undefined;
  };
  for await (const { name, bytes } of parts) {
    if (name.startsWith(tableFolder)) {
      const table = tableOf(manifest, name);
      if (into?.table !== table) await close();
      into ??= { table, copy: client.query(copyFrom(`copy ${copied(table)} from stdin`)) };
      seen.add(table, bytes);
      await written(into.copy, bytes);
    } else if (name === masterKeyName) {
      seen.files.add({ name, bytes });
      masterKey = bytes.toString();
    } else if (name.startsWith(emailFolder)) {
      seen.files.add({ name, bytes });
      await putEmail(folder, name.slice(emailFolder.length), bytes);
      emails += 1;
    } else if (name.startsWith(blobFolder)) {
      seen.files.add({ name, bytes });
      await blobs.add(name.slice(blobFolder.length), bytes);
      blobBytes += bytes.length;
    } else if (name === sumsName) sums = JSON.parse(bytes.toString()) as Sums;
    onProgress();
  }
  await close();
  return { sums, seen: seen.sums(manifest), emails, blobBytes, masterKey, blobs };
}

/** Returns once the server has taken it; throws what it refuses. */
const written = (copy: CopyStreamQuery, bytes: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    copy.once("error", reject);
    copy.write(bytes, () => {
      copy.off("error", reject);
      resolve();
    });
  });

async function putMasterKey(folder: string, key: string): Promise<void> {
  const file = path.join(folder, masterKeyName);
  await mkdir(folder, { recursive: true });
  const present = await readFile(file, "utf8").catch(() => undefined);
  if (present === undefined) writeOnce(file, key);
  else if (present !== key)
    throw new RestoreRefused(`${file} is another master key than that of the backup: move it away`);
}

async function putEmail(folder: string, name: string, bytes: Buffer): Promise<void> {
  const emails = path.join(folder, emailFolder);
  const file = path.join(emails, path.basename(name));
  await mkdir(emails, { recursive: true, mode: 0o700 });
  await writeFile(`${file}.part`, bytes, { mode: 0o600 });
  await rename(`${file}.part`, file);
}

/** Names of a path of a blob, and the number of a part. Nothing leads out of the data folder. */
const blobPart = /^(?<file>[\w-]+(?:\/[\w-]+)*)\/\d{6,}$/;
const unfinished = ".part";

/** Collects blobs beside their places, and puts them there once all is known to be whole. None takes the place of another file. */
function blobsIn(folder: string) {
  const files = new Set<string>();
  return {
    async add(name: string, bytes: Buffer): Promise<void> {
      const { file } = blobPart.exec(name)?.groups ?? {};
      if (file === undefined)
        throw new ArchiveBroken(`the backup has a file of another kind: ${name}`);
      const to = path.join(folder, file);
      const isFirst = !files.has(file);
      if (isFirst && existsSync(to))
        throw new RestoreRefused(
          `${to} is there already: another Basalt may use it. Give another BASALT_DATA_DIR, or move that file away.`,
        );
      files.add(file);
      await mkdir(path.dirname(to), { recursive: true });
      await using blob = await openFile(to + unfinished, isFirst ? "w" : "a");
      await blob.appendFile(bytes); // all of it: a full disk may take a part without a word
      await blob.datasync();
    },
    async finish(): Promise<void> {
      for (const file of files) {
        const to = path.join(folder, file);
        await rename(to + unfinished, to);
      }
    },
  };
}

/** Puts back what `cleared` took, and moves the sequences to where they were. */
async function settle(client: pg.Client, manifest: Manifest, constraints: readonly string[]) {
  for (const table of manifest.tables)
    await client.query(`alter table ${quotedName(table)} enable trigger user`);
  for (const constraint of constraints) await client.query(constraint);
  await client.query("delete from basalt.leases"); // of processes that are not there
  for (const { schema, name, last } of manifest.sequences) {
    const sequence = quotedName({ schema, name });
    if (last === null) await client.query(`alter sequence ${sequence} restart`);
    else await client.query("select setval($1::text::regclass, $2::bigint)", [sequence, last]);
  }
}

const isFile = (name: string): boolean =>
  name === masterKeyName || name.startsWith(emailFolder) || name.startsWith(blobFolder);

/** Which table a part is of. */
function tableOf({ tables }: Manifest, part: string): Table {
  const [, name] = part.split("/");
  const table = tables.find((one) => nameOf(one) === name);
  if (!table) throw new ArchiveBroken(`the backup has rows of ${name}, which it does not announce`);
  return table;
}

/** Counts and sums the rows of tables. A row of `copy` ends with a newline, which no value has. */
class Summing {
  readonly #hashes = new Map<string, ReturnType<typeof createHash>>();
  readonly #rows = new Map<string, number>();
  readonly files = summingFiles();

  add(table: Table, bytes: Buffer): void {
    const name = nameOf(table);
    const hash = this.#hashes.get(name) ?? createHash("sha256");
    this.#hashes.set(name, hash.update(bytes));
    let rows = this.#rows.get(name) ?? 0;
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) rows += 1;
    this.#rows.set(name, rows);
  }

  sums({ tables }: Manifest): Sums {
    const sumOfTable = (name: string): Sum => ({
      rows: this.#rows.get(name) ?? 0,
      sha256: (this.#hashes.get(name) ?? createHash("sha256")).digest("hex"),
    });
    return {
      ...Object.fromEntries(tables.map(nameOf).map((name) => [name, sumOfTable(name)])),
      [filesName]: this.files.sum(),
    };
  }
}

function refuseDifferent(sums: Sums | undefined, seen: Sums): asserts sums is Sums {
  if (!sums) throw new ArchiveBroken("the backup is cut short");
  for (const [name, { rows, sha256 }] of Object.entries(seen)) {
    const said = sums[name];
    if (said?.rows !== rows || said.sha256 !== sha256)
      throw new ArchiveBroken(
        `${name} has ${rows} ${name === filesName ? "files" : "rows"} in the backup, and had ${said?.rows ?? 0} when it was made, or others`,
      );
  }
}

const restoredOf = (
  { takenAt, basalt, tables }: Manifest,
  sums: Sums,
  counts: Pick<Restored, "emails" | "blobBytes">,
): Restored => ({
  takenAt,
  basalt,
  tables: tables.length,
  rows: tables.reduce((all, table) => all + (sums[nameOf(table)]?.rows ?? 0), 0),
  ...counts,
});
