import { createHash } from "node:crypto";
import type pg from "pg";

/** A table and its columns, without those that Postgres computes. */
export type Table = {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
};

/** The last value that a sequence has given; null where it has given none. */
export type Sequence = {
  readonly schema: string;
  readonly name: string;
  readonly last: string | null;
};

export type AppliedMigration = {
  readonly schema: string;
  readonly source: string;
  readonly name: string;
  readonly checksum: string;
};

/** The first part of a backup: which data follows, and the migrations that made its tables. */
export type Manifest = {
  readonly format: 1;
  /** The version of Basalt that made it. */
  readonly basalt: string;
  readonly postgres: string;
  /** The instant whose state it holds. */
  readonly takenAt: string;
  readonly migrations: readonly AppliedMigration[];
  readonly tables: readonly Table[];
  readonly sequences: readonly Sequence[];
  /** Ids of the master keys that sealed its secrets. */
  readonly masterKeys: readonly string[];
  /** Whether the keys are in it, as they were in a file; else they came from the settings. */
  readonly hasMasterKey: boolean;
};

/** The SHA-256 of bytes, in hexadecimal. */
export const sumOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** Rows of a table, and the SHA-256 of its rows as text, in hexadecimal. */
export type Sum = { readonly rows: number; readonly sha256: string };

/** The last part of a backup: of each table, and of `files` (the master key, emails, and parts of blobs). */
export type Sums = { readonly [table: string]: Sum };
export const filesName = "files";

/** Counts and sums the files of a backup, with their names. */
export function summingFiles() {
  const hash = createHash("sha256");
  let count = 0;
  return {
    add({ name, bytes }: { readonly name: string; readonly bytes: Buffer }): void {
      hash.update(`${name}\0${bytes.length}\0`).update(bytes);
      count += 1;
    },
    sum: (): Sum => ({ rows: count, sha256: hash.copy().digest("hex") }),
  };
}

export const manifestName = "manifest.json";
/** The SHA-256 of the manifest: it is acted on before the end of the archive shows that all is whole. */
export const manifestSumName = "manifest.sha256";
export const masterKeyName = "master.key";
export const emailFolder = "email/";
export const tableFolder = "tables/";
/** Files that grow and are never changed, in parts: `blobs/<path below the data folder>/<number of the part>`. */
export const blobFolder = "blobs/";
/** A backup shares this advisory lock: whoever removes blobs holds it alone. */
export const blobLock = "basalt.blobs";
export const sumsName = "sums.json";

export const nameOf = ({ schema, name }: Pick<Table, "schema" | "name">): string =>
  `${schema}.${name}`;

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

export const quotedName = ({ schema, name }: Pick<Table, "schema" | "name">): string =>
  `${quoted(schema)}.${quoted(name)}`;

export const copied = (table: Table): string =>
  `${quotedName(table)} (${table.columns.map(quoted).join(", ")})`;

export async function migrationsIn(client: pg.Client): Promise<readonly AppliedMigration[]> {
  const { rows } = await client.query<AppliedMigration>(
    `select schema, source, name, checksum from basalt.migrations
      order by schema, source, name`,
  );
  return rows;
}

/** The tables of some schemas, with the bytes that their rows take. */
export async function tablesIn(
  client: pg.Client,
  schemas: readonly string[],
): Promise<readonly (Table & { readonly bytes: number })[]> {
  const { rows } = await client.query<Table & { readonly bytes: string }>(
    `select n.nspname as schema, c.relname as name, pg_table_size(c.oid) as bytes,
            array(select attname::text from pg_attribute
                   where attrelid = c.oid and attnum > 0 and not attisdropped
                     and attgenerated = '' order by attnum) as columns
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname = any($1) order by 1, 2`,
    [schemas],
  );
  return rows.map((row) => ({ ...row, bytes: Number(row.bytes) }));
}

export async function sequencesIn(
  client: pg.Client,
  schemas: readonly string[],
): Promise<readonly Sequence[]> {
  const { rows } = await client.query<Sequence>(
    `select schemaname as schema, sequencename as name, last_value::text as last
       from pg_sequences where schemaname = any($1) order by 1, 2`,
    [schemas],
  );
  return rows;
}
