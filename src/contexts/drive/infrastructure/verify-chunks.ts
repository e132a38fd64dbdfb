import type { Finding } from "#platform/process/module.ts";
import { statement, type Database } from "#platform/postgres/database.ts";
import type { ChunkStore, Digests, Location } from "../application/ports/chunks.ts";

/** A chunk that is not whole where it is kept, or that is kept nowhere. */
export type Damage = { readonly chunk: string; readonly segment?: string; readonly why: string };

export type Verdict = {
  readonly chunks: number;
  readonly bytes: number;
  readonly damaged: readonly Damage[];
  /** Revisions that have such a chunk, as in `node_… revision 3`. */
  readonly files: readonly string[];
};

type Parts = {
  readonly database: Database;
  readonly store: ChunkStore;
  readonly digests: Digests;
  readonly onProgress: (done: number, total: number) => void;
};

/** Chunks that are read in one turn. */
const pageSize = 500;
const hashDigits = 64;

type ChunkRow = Location & { readonly hash: string };
const count = statement<{ readonly n: number }>(
  "drive.verify-count",
  "select count(*) as n from drive.chunks",
);
const page = statement<ChunkRow>(
  "drive.verify-page",
  `select encode(hash, 'hex') as hash, segment, place as offset, size from drive.chunks
    where hash > decode($1, 'hex') order by hash limit $2`,
);
const doubt = statement(
  "drive.verify-doubt",
  "update drive.chunks set is_doubted = true where hash = any($1::bytea[])",
);
const manifests = statement<{
  readonly node_id: string;
  readonly number: number;
  readonly starts_at: number;
  readonly hashes: string;
}>(
  "drive.verify-manifests",
  `select node_id, number, starts_at, encode(hashes, 'hex') as hashes from drive.manifests
    where (node_id, number, starts_at) > ($1, $2::bigint, $3::bigint) order by node_id, number, starts_at limit 1`,
);
const known = statement<{ readonly hash: string }>(
  "drive.verify-known",
  "select encode(hash, 'hex') as hash from drive.chunks where hash = any($1::bytea[])",
);
const doubted = statement<{ readonly n: number }>(
  "drive.chunks-doubted",
  "select count(*) as n from drive.chunks where is_doubted",
);

const asBytea = (hashes: readonly string[]) => hashes.map((hash) => `\\x${hash}`);

/** What is wrong with a chunk; undefined where it is whole. */
async function faultOf({ store, digests }: Parts, chunk: ChunkRow): Promise<string | undefined> {
  try {
    const bytes = await store.read(chunk);
    return digests.sha256(bytes) === chunk.hash ? undefined : "its bytes have changed";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Reads all chunks. Those that are not whole are in doubt from then on. */
async function readAll(parts: Parts) {
  const { database, onProgress } = parts;
  const [{ n: total } = { n: 0 }] = await database.query(count, []);
  const damaged: Damage[] = [];
  let [chunks, bytes, last] = [0, 0, ""];
  for (;;) {
    const rows = await database.query(page, [last, pageSize]);
    for (const row of rows) {
      const why = await faultOf(parts, row);
      if (why !== undefined) damaged.push({ chunk: row.hash, segment: row.segment, why });
      bytes += row.size;
      chunks += 1;
    }
    onProgress(chunks, total);
    const end = rows.at(-1);
    if (!end) break;
    last = end.hash;
  }
  if (damaged.length > 0) await database.query(doubt, [asBytea(damaged.map((one) => one.chunk))]);
  return { chunks, bytes, damaged };
}

/** Looks whether every revision has its chunks. */
async function readManifests(database: Database, bad: ReadonlySet<string>) {
  const files = new Set<string>();
  const missing = new Set<string>();
  for (let place: readonly [string, number, number] = ["", 0, 0]; ;) {
    const [row] = await database.query(manifests, place);
    if (!row) return { files: [...files], missing: [...missing] };
    place = [row.node_id, row.number, row.starts_at];
    const hashes = Array.from({ length: row.hashes.length / hashDigits }, (_, i) =>
      row.hashes.slice(i * hashDigits, (i + 1) * hashDigits),
    );
    const there = new Set((await database.query(known, [asBytea(hashes)])).map(({ hash }) => hash));
    for (const hash of hashes) {
      if (!there.has(hash)) missing.add(hash);
      if (bad.has(hash) || !there.has(hash)) files.add(`${row.node_id} revision ${row.number}`);
    }
  }
}

/** Reads every chunk and every manifest, and tells which chunks are damaged or missing, and whose they are. */
export async function verifyChunks(parts: Parts): Promise<Verdict> {
  const { damaged, ...counts } = await readAll(parts);
  const bad = new Set(damaged.map(({ chunk }) => chunk));
  const { files, missing } = await readManifests(parts.database, bad);
  const lost = missing.map((chunk) => ({ chunk, why: "it is kept nowhere" }));
  return { ...counts, damaged: [...damaged, ...lost], files };
}

/** Tells the doctor of chunks that were found damaged. */
export async function examineChunks(database: Database): Promise<Finding> {
  const [{ n } = { n: 0 }] = await database.query(doubted, []);
  return {
    ok: n === 0,
    what: "chunks of files",
    says: n === 0 ? "none was found damaged" : `${n} were found damaged: see \`drive verify\``,
  };
}
