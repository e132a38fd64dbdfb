import type { Instant } from "#kernel/instant.ts";
import { statement, type Parameter } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { inTurn, mutation } from "#platform/postgres/writes.ts";
import type { ChunkIndex, KeptChunk, Location } from "../application/ports/chunks.ts";
import type {
  ManifestPage,
  RevisionCopy,
  RevisionFacts,
  Revisions,
} from "../application/ports/revisions.ts";
import { pagesOf, type RevisionNumber, type Sha256 } from "../domain/content.ts";
import type { NodeId } from "../domain/ids.ts";
import { toContent, toldOfContent, valuesOfContent } from "./node-rows.ts";
import { hashesIn, hexOfHashes, hexOfSizes, manifestIn } from "./packed-manifest.ts";

type ChunkRow = Location & {
  readonly hash: string;
  readonly isDoubted: boolean;
  readonly usedAt: Instant;
};
const chunkColumns = `encode(hash, 'hex') as hash, segment, place as offset, size, is_doubted as "isDoubted", used_at as "usedAt"`;

const located = statement<ChunkRow>(
  "drive.chunks-located",
  `select ${chunkColumns} from drive.chunks where hash = any($1::bytea[])`,
);
const chunkCount = statement<{ readonly n: number }>(
  "drive.chunk-count",
  "select count(*) as n from drive.chunks",
);
const chunkPage = statement<ChunkRow>(
  "drive.chunk-page",
  `select ${chunkColumns} from drive.chunks where hash > decode($1, 'hex') order by hash limit $2`,
);
const chunksInSegments = statement<ChunkRow>(
  "drive.chunks-in-segments",
  `select ${chunkColumns} from drive.chunks where segment = any($1::text[]) and not is_doubted limit $2`,
);
const segmentBytes = statement<{ readonly bytes: number }>(
  "drive.segment-bytes",
  "select coalesce(sum(size), 0)::bigint as bytes from drive.chunks where segment = $1",
);
/** In one order, so that no two units of work wait for each other. */
const addChunks = mutation(
  "drive.chunks-add",
  "chunks",
  `insert into drive.chunks (hash, segment, place, size, used_at)
   select decode(c.hash, 'hex'), c.segment, c.place, c.size, $5::timestamptz
     from unnest($1::text[], $2::text[], $3::bigint[], $4::int[]) as c(hash, segment, place, size) order by 1
   on conflict (hash) do update
     set segment = case when chunks.is_doubted then excluded.segment else chunks.segment end,
         place = case when chunks.is_doubted then excluded.place else chunks.place end,
         size = excluded.size, is_doubted = false, used_at = greatest(chunks.used_at, excluded.used_at)`,
);
const use = mutation(
  "drive.chunks-use",
  "chunks",
  `update drive.chunks c set used_at = $2::timestamptz
     from (select hash from drive.chunks where hash = any($1::bytea[]) order by hash for update) u
    where c.hash = u.hash`,
);
const move = mutation(
  "drive.chunk-move",
  "chunks",
  `update drive.chunks set segment = $4, place = $5::bigint
    where hash = decode($1, 'hex') and segment = $2 and place = $3::bigint`,
);
const forget = mutation(
  "drive.chunks-forget",
  "chunks",
  `delete from drive.chunks c using (
     select hash from drive.chunks where hash = any($1::bytea[]) and used_at < $2::timestamptz order by hash for update) u
    where c.hash = u.hash`,
);
const doubt = mutation(
  "drive.chunk-doubt",
  "chunks",
  `update drive.chunks set is_doubted = $4::boolean
    where hash = decode($1, 'hex') and segment = $2 and place = $3::bigint`,
);
const addRevisions = mutation(
  "drive.revisions-add",
  "revisions",
  `insert into drive.revisions (node_id, number, created_at, size, hash, media_type, modified_at)
   select * from unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::bigint[], $5::text[], $6::text[], $7::timestamptz[])`,
);
const addManifests = mutation(
  "drive.manifests-add",
  "manifests",
  `insert into drive.manifests (node_id, number, starts_at, hashes, sizes)
   select p.node_id, p.number, p.starts_at, decode(p.hashes, 'hex'), decode(p.sizes, 'hex')
     from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[]) as p(node_id, number, starts_at, hashes, sizes)`,
);
/** In the order of the values of a copy. */
const copies = `unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::bigint[], $5::text[], $6::text[], $7::timestamptz[], $8::text[],
  $9::bigint[]) as c (node_id, number, created_at, size, hash, media_type, modified_at, from_id, from_number)`;
/** The revisions that are copied stay until the unit of work has ended; one that is gone makes it end. */
const copyRevisions = mutation(
  "drive.revisions-copy",
  inTurn,
  `insert into drive.revisions (node_id, number, created_at, size, hash, media_type, modified_at)
   select c.node_id, c.number, c.created_at, c.size, c.hash, c.media_type, c.modified_at
     from ${copies} left join lateral (
       select true as is_there from drive.revisions where node_id = c.from_id and number = c.from_number offset 0 for key share) held on true
    where held.is_there or drive.hold_revision(c.from_id, c.from_number)`,
);
const copyManifests = mutation(
  "drive.manifests-copy",
  inTurn,
  `insert into drive.manifests (node_id, number, starts_at, hashes, sizes)
   select c.node_id, c.number, m.starts_at, m.hashes, m.sizes
     from ${copies} cross join lateral (
       select * from drive.manifests where node_id = c.from_id and number = c.from_number offset 0) m`,
);
/** A copy relies on them, as an upload does. */
const useOfRevisions = mutation(
  "drive.chunks-use-of-revisions",
  inTurn,
  `update drive.chunks c set used_at = u.at
     from (select k.hash, w.at from (
             select substring(m.hashes from 32 * i + 1 for 32) as hash, max(c.created_at) as at
               from ${copies} cross join lateral (
                 select hashes from drive.manifests where node_id = c.from_id and number = c.from_number offset 0) m
               cross join lateral generate_series(0, length(m.hashes) / 32 - 1) i group by 1) w
             cross join lateral (select hash from drive.chunks
                                  where hash = w.hash and used_at < w.at - interval '1 hour' offset 0) k
            order by k.hash) u
    where c.hash = u.hash`,
);
type RevisionRow = {
  readonly node_id: string;
  readonly number: number;
  readonly size: number;
  readonly hash: string;
  readonly media_type: string;
  readonly modified_at: Instant;
  readonly created_at: Instant;
};
const revisionColumns = `node_id, number, size, hash, ${toldOfContent("r", "created_at")}, created_at`;
const revisionByNumber = statement<RevisionRow>(
  "drive.revision-by-number",
  `select ${revisionColumns} from drive.revisions r where node_id = $1 and number = $2`,
);
const revisionPage = statement<RevisionRow>(
  "drive.revision-page",
  `select ${revisionColumns} from drive.revisions r
    where node_id = $1 and number < $2 order by number desc limit $3`,
);

const toRevision = (row: RevisionRow): RevisionFacts => ({
  nodeId: row.node_id as NodeId,
  revision: row.number as RevisionNumber,
  ...toContent(row),
  createdAt: row.created_at,
});

type PageRow = { readonly starts_at: number; readonly hashes: string; readonly sizes: string };
const manifestPage = statement<PageRow>(
  "drive.manifest-page",
  `select starts_at, encode(hashes, 'hex') as hashes, encode(sizes, 'hex') as sizes from drive.manifests
    where node_id = $1 and number = $2 and starts_at <= $3 order by starts_at desc limit 1`,
);

type PlacedPageRow = Omit<PageRow, "sizes"> & {
  readonly node_id: string;
  readonly number: number;
};
const manifestPages = statement<PlacedPageRow>(
  "drive.manifest-pages",
  `select node_id, number, starts_at, encode(hashes, 'hex') as hashes from drive.manifests
    where (node_id, number, starts_at) > ($1, $2::bigint, $3::bigint)
    order by node_id, number, starts_at limit $4`,
);

type UnsniffedRow = {
  readonly node_id: string;
  readonly number: number;
  readonly chunk: string | null;
};
const unsniffed = statement<UnsniffedRow>(
  "drive.revisions-unsniffed",
  `select r.node_id, r.number, encode(substring(m.hashes for 32), 'hex') as chunk
     from (select node_id, number from drive.revisions where media_type is null order by node_id, number limit $1) r
     left join drive.manifests m on m.node_id = r.node_id and m.number = r.number and m.starts_at = 0`,
);
/** Of nodes, those that have the revision still. */
const tells = [
  [
    "nodes",
    `update drive.nodes n set media_type = s.media_type from unnest($1::text[], $2::bigint[], $3::text[]) s (id, number, media_type)
      where n.id = s.id collate "C" and n.revision = s.number and n.media_type is null`,
  ],
  [
    "revisions",
    `update drive.revisions r set media_type = s.media_type from unnest($1::text[], $2::bigint[], $3::text[]) s (id, number, media_type)
      where r.node_id = s.id collate "C" and r.number = s.number and r.media_type is null`,
  ],
].map(([name = "", text = ""]) => mutation(`drive.tell-media-types-${name}`, inTurn, text));

const valuesOf = (all: readonly RevisionFacts[]): Parameter[] => [
  all.map(({ nodeId }) => nodeId),
  all.map(({ revision }) => revision),
  all.map(({ createdAt }) => createdAt),
  ...valuesOfContent.map((value) => all.map(value)),
];
const valuesOfCopies = (all: readonly RevisionCopy[]): readonly Parameter[] => [
  ...valuesOf(all.map(({ to }) => to)),
  all.map(({ from }) => from.nodeId),
  all.map(({ from }) => from.revision),
];
const toPage = ({ starts_at: startsAt, ...packed }: PageRow): ManifestPage => ({
  startsAt,
  manifest: manifestIn(packed),
});

const asBytea = (hashes: readonly Sha256[]) => hashes.map((hash) => `\\x${hash}`);
const toChunk = (row: ChunkRow): KeptChunk => ({ ...row, hash: row.hash as Sha256 });

export const postgresChunks = ({ read, write }: Transaction): ChunkIndex => ({
  async located(hashes) {
    if (hashes.length === 0) return new Map();
    const rows = await read(located, [asBytea(hashes)]);
    return new Map(rows.map(({ hash, ...kept }) => [hash as Sha256, kept]));
  },
  add(locations, at) {
    if (locations.size === 0) return;
    const places = [...locations.values()];
    write(addChunks, [
      [...locations.keys()],
      places.map(({ segment }) => segment),
      places.map(({ offset }) => offset),
      places.map(({ size }) => size),
      at,
    ]);
  },
  use: (hashes, at) => write(use, [asBytea(hashes), at]),
  doubt: (hash, { segment, offset }) => write(doubt, [hash, segment, offset, true]),
  trust: (hash, { segment, offset }) => write(doubt, [hash, segment, offset, false]),
  async count() {
    const [row] = await read(chunkCount, []);
    return row?.n ?? 0;
  },
  page: async (after, limit) => (await read(chunkPage, [after ?? "", limit])).map(toChunk),
  inSegments: async (segments, limit) =>
    (await read(chunksInSegments, [segments, limit])).map(toChunk),
  bytesIn: async (segment) => (await read(segmentBytes, [segment]))[0]?.bytes ?? 0,
  move: (hash, from, to) => write(move, [hash, from.segment, from.offset, to.segment, to.offset]),
  forget: (hashes, unusedSince) => write(forget, [asBytea(hashes), unusedSince]),
});

export const postgresRevisions = ({ read, write }: Transaction): Revisions => ({
  unsniffed: async (limit) =>
    (await read(unsniffed, [limit])).map((row) => ({
      nodeId: row.node_id as NodeId,
      revision: row.number as RevisionNumber,
      chunk: row.chunk ? (row.chunk as Sha256) : undefined,
    })),
  tell(all) {
    const values = [
      all.map(({ nodeId }) => nodeId),
      all.map(({ revision }) => revision),
      all.map(({ mediaType }) => mediaType),
    ];
    for (const one of tells) write(one, values);
  },
  add(all) {
    if (all.length === 0) return;
    write(addRevisions, valuesOf(all));
    const pages = all.flatMap(({ nodeId, revision, manifest }) =>
      pagesOf(manifest).map((page) => ({ nodeId, revision, ...page })),
    );
    write(addManifests, [
      pages.map(({ nodeId }) => nodeId),
      pages.map(({ revision }) => revision),
      pages.map(({ startsAt }) => startsAt),
      pages.map((page) => hexOfHashes(page.manifest)),
      pages.map((page) => hexOfSizes(page.manifest)),
    ]);
  },
  copy(all) {
    if (all.length === 0) return;
    const values = valuesOfCopies(all);
    for (const one of [copyRevisions, copyManifests, useOfRevisions]) write(one, values);
  },
  async byNumber(nodeId, revision) {
    const [row] = await read(revisionByNumber, [nodeId, revision]);
    return row && toRevision(row);
  },
  list: async ({ nodeId, before = Number.MAX_SAFE_INTEGER, limit }) =>
    (await read(revisionPage, [nodeId, before, limit])).map(toRevision),
  pages: async (after, limit) =>
    (
      await read(manifestPages, [
        after?.nodeId ?? "",
        after?.revision ?? 0,
        after?.startsAt ?? 0,
        limit,
      ])
    ).map((row) => ({
      nodeId: row.node_id as NodeId,
      revision: row.number as RevisionNumber,
      startsAt: row.starts_at,
      hashes: hashesIn(row.hashes),
    })),
  async page({ nodeId, revision, at }) {
    const [row] = await read(manifestPage, [nodeId, revision, at]);
    return row && toPage(row);
  },
});
