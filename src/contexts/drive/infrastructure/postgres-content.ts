import type { Instant } from "#kernel/instant.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import type { ChunkIndex, Kept } from "../application/ports/chunks.ts";
import type { ManifestPage, RevisionFacts, Revisions } from "../application/ports/revisions.ts";
import { pagesOf, type ByteCount, type RevisionNumber, type Sha256 } from "../domain/content.ts";
import type { NodeId } from "../domain/ids.ts";

const [hashDigits, sizeDigits] = [64, 8];

const located = statement<Kept & { readonly hash: string }>(
  "drive.chunks-located",
  `select encode(hash, 'hex') as hash, segment, place as offset, size, is_doubted as "isDoubted"
     from drive.chunks where hash = any($1::bytea[])`,
);
/** In one order, so that no two units of work wait for each other. */
const addChunks = mutation(
  "drive.chunks-add",
  "chunks",
  `insert into drive.chunks (hash, segment, place, size)
   select decode(c.hash, 'hex'), c.segment, c.place, c.size
     from unnest($1::text[], $2::text[], $3::bigint[], $4::int[]) as c(hash, segment, place, size) order by 1
   on conflict (hash) do update
     set segment = excluded.segment, place = excluded.place, size = excluded.size, is_doubted = false
   where chunks.is_doubted`,
);
const doubt = mutation(
  "drive.chunk-doubt",
  "chunks",
  `update drive.chunks set is_doubted = true
    where hash = decode($1, 'hex') and segment = $2 and place = $3::bigint`,
);
const addRevision = mutation(
  "drive.revision-add",
  "revisions",
  `insert into drive.revisions (node_id, number, size, hash, created_at)
   values ($1, $2::bigint, $3::bigint, $4, $5::timestamptz)`,
);
const addManifest = mutation(
  "drive.manifest-add",
  "manifests",
  `insert into drive.manifests (node_id, number, starts_at, hashes, sizes)
   select $1, $2::bigint, p.starts_at, decode(p.hashes, 'hex'), decode(p.sizes, 'hex')
     from unnest($3::bigint[], $4::text[], $5::text[]) as p(starts_at, hashes, sizes)`,
);
const copyManifest = mutation(
  "drive.manifest-copy",
  "manifests",
  `insert into drive.manifests (node_id, number, starts_at, hashes, sizes)
   select node_id, $2::bigint, starts_at, hashes, sizes from drive.manifests
    where node_id = $1 and number = $3::bigint`,
);
type RevisionRow = {
  readonly node_id: string;
  readonly number: number;
  readonly size: number;
  readonly hash: string;
  readonly created_at: Instant;
};
const revisionColumns = "node_id, number, size, hash, created_at";
const revisionByNumber = statement<RevisionRow>(
  "drive.revision-by-number",
  `select ${revisionColumns} from drive.revisions where node_id = $1 and number = $2`,
);
const revisionPage = statement<RevisionRow>(
  "drive.revision-page",
  `select ${revisionColumns} from drive.revisions
    where node_id = $1 and number < $2 order by number desc limit $3`,
);

const toRevision = (row: RevisionRow): RevisionFacts => ({
  nodeId: row.node_id as NodeId,
  revision: row.number as RevisionNumber,
  size: row.size as ByteCount,
  hash: row.hash as Sha256,
  createdAt: row.created_at,
});

type PageRow = { readonly starts_at: number; readonly hashes: string; readonly sizes: string };
const manifestPage = statement<PageRow>(
  "drive.manifest-page",
  `select starts_at, encode(hashes, 'hex') as hashes, encode(sizes, 'hex') as sizes from drive.manifests
    where node_id = $1 and number = $2 and starts_at <= $3 order by starts_at desc limit 1`,
);

const toPage = ({ starts_at: startsAt, hashes, sizes }: PageRow): ManifestPage => ({
  startsAt,
  manifest: Array.from({ length: hashes.length / hashDigits }, (_, i) => ({
    hash: hashes.slice(i * hashDigits, (i + 1) * hashDigits) as Sha256,
    size: Number.parseInt(sizes.slice(i * sizeDigits, (i + 1) * sizeDigits), 16),
  })),
});

const hexOf = (size: number): string => size.toString(16).padStart(sizeDigits, "0");

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
  doubt: (hash, { segment, offset }) => write(doubt, [hash, segment, offset]),
});

export const postgresRevisions = ({ read, write }: Transaction): Revisions => ({
  add({ nodeId, revision, size, hash, manifest, createdAt }) {
    write(addRevision, [nodeId, revision, size, hash, createdAt]);
    const pages = pagesOf(manifest);
    write(addManifest, [
      nodeId,
      revision,
      pages.map(({ startsAt }) => startsAt),
      pages.map((page) => page.manifest.map((chunk) => chunk.hash).join("")),
      pages.map((page) => page.manifest.map((chunk) => hexOf(chunk.size)).join("")),
    ]);
  },
  copy({ nodeId, revision, size, hash, createdAt }, from) {
    write(addRevision, [nodeId, revision, size, hash, createdAt]);
    write(copyManifest, [nodeId, revision, from]);
  },
  async byNumber(nodeId, revision) {
    const [row] = await read(revisionByNumber, [nodeId, revision]);
    return row && toRevision(row);
  },
  list: async ({ nodeId, before = Number.MAX_SAFE_INTEGER, limit }) =>
    (await read(revisionPage, [nodeId, before, limit])).map(toRevision),
  async page({ nodeId, revision, at }) {
    const [row] = await read(manifestPage, [nodeId, revision, at]);
    return row && toPage(row);
  },
});
