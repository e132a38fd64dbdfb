import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import type { ChunkIndex, Location } from "../application/ports/chunks.ts";
import type { Revisions } from "../application/ports/revisions.ts";
import type { Sha256 } from "../domain/content.ts";

const hexDigits = 64;

const located = statement<Location & { readonly hash: string }>(
  "drive.chunks-located",
  `select encode(hash, 'hex') as hash, segment, place as offset, size from drive.chunks
    where hash = any($1::bytea[])`,
);
/** In one order, so that no two units of work wait for each other. */
const addChunks = mutation(
  "drive.chunks-add",
  "chunks",
  `insert into drive.chunks (hash, segment, place, size)
   select decode(c.hash, 'hex'), c.segment, c.place, c.size
     from unnest($1::text[], $2::text[], $3::bigint[], $4::int[]) as c(hash, segment, place, size) order by 1
   on conflict (hash) do nothing`,
);
const addRevision = mutation(
  "drive.revision-add",
  "revisions",
  `insert into drive.revisions (node_id, number, size, hash, hashes, sizes, created_at)
   values ($1, $2::bigint, $3::bigint, $4, decode($5, 'hex'), $6::int[], $7::timestamptz)`,
);
const manifest = statement<{ readonly hashes: string; readonly sizes: readonly number[] }>(
  "drive.revision-manifest",
  `select encode(hashes, 'hex') as hashes, sizes from drive.revisions where node_id = $1 and number = $2`,
);

export const postgresChunks = ({ read, write }: Transaction): ChunkIndex => ({
  async located(hashes) {
    if (hashes.length === 0) return new Map();
    const rows = await read(located, [hashes.map((hash) => `\\x${hash}`)]);
    return new Map(rows.map(({ hash, ...location }) => [hash as Sha256, location]));
  },
  add(locations) {
    if (locations.size === 0) return;
    const places = [...locations.values()];
    write(addChunks, [
      [...locations.keys()],
      places.map(({ segment }) => segment),
      places.map(({ offset }) => offset),
      places.map(({ size }) => size),
    ]);
  },
});

export const postgresRevisions = ({ read, write }: Transaction): Revisions => ({
  add: ({ nodeId, revision, size, hash, manifest: chunks, createdAt }) =>
    write(addRevision, [
      nodeId,
      revision,
      size,
      hash,
      chunks.map((chunk) => chunk.hash).join(""),
      chunks.map((chunk) => chunk.size),
      createdAt,
    ]),
  async manifest(nodeId, revision) {
    const [row] = await read(manifest, [nodeId, revision]);
    return row?.sizes.map((size, i) => ({
      hash: row.hashes.slice(i * hexDigits, (i + 1) * hexDigits) as Sha256,
      size,
    }));
  },
});
