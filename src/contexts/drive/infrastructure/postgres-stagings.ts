import type { Instant } from "#kernel/instant.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { inTurn, mutation } from "#platform/postgres/writes.ts";
import type { Stagings } from "../application/ports/stagings.ts";
import {
  sizeOf,
  type ByteCount,
  type MediaType,
  type RevisionNumber,
  type Sha256,
} from "../domain/content.ts";
import type { NodeId, OwnerId, StagingId } from "../domain/ids.ts";
import type { PieceSize, Staging } from "../domain/staging.ts";
import { hashesIn, hexOfHashes, hexOfSizes, manifestIn } from "./packed-manifest.ts";

type Row = {
  readonly id: string;
  readonly owner_id: string;
  readonly name: string | null;
  readonly note: string;
  readonly length: number | null;
  readonly bytes: number;
  readonly pieces: number;
  readonly hash: string | null;
  readonly is_sealed: boolean;
  readonly created_at: Instant;
  readonly expires_at: Instant;
  readonly node_id: string | null;
  readonly revision: number | null;
};
type PieceRow = {
  readonly hashes: string;
  readonly sizes: string;
  readonly media_type: string;
};

const stagingWhere = (condition: string) =>
  `select id, owner_id, name, note, length, bytes, pieces, hash, is_sealed, created_at, expires_at, node_id, revision
     from drive.stagings where ${condition}`;
const byId = statement<Row>("drive.staging-by-id", stagingWhere("id = $1"));
const byName = statement<Row>("drive.staging-by-name", stagingWhere("owner_id = $1 and name = $2"));
const sizes = statement<PieceSize>(
  "drive.staging-sizes",
  "select place, size from drive.staged_pieces where staging_id = $1 order by place",
);
const sizeAt = statement<{ readonly size: number }>(
  "drive.staging-size-at",
  "select size from drive.staged_pieces where staging_id = $1 and place = $2::bigint",
);
const listOpen = statement<Row>(
  "drive.stagings-listed",
  `${stagingWhere("owner_id = $1 and expires_at > $2::timestamptz and node_id is null")} order by id`,
);
const openOf = statement<{ readonly count: number; readonly bytes: number }>(
  "drive.stagings-open",
  `select count(*) as count, coalesce(sum(bytes), 0)::bigint as bytes from drive.stagings
    where owner_id = $1 and expires_at > $2::timestamptz and node_id is null`,
);
const add = mutation(
  "drive.staging-add",
  "stagings",
  `insert into drive.stagings (id, owner_id, name, note, length, created_at, expires_at)
   values ($1, $2, $3, $4, $5::bigint, $6::timestamptz, $7::timestamptz)`,
);
/** Of a staging that is there still. */
const put = mutation(
  "drive.staging-put",
  inTurn,
  `with before as (select size from drive.staged_pieces where staging_id = $1 and place = $3::bigint),
   staging as (
     update drive.stagings
        set hash = $2, bytes = bytes + $4::bigint - coalesce((select size from before), 0),
            pieces = pieces + 1 - (select count(*) from before)
      where id = $1 and not is_sealed returning id)
   insert into drive.staged_pieces (staging_id, place, size, media_type, hashes, sizes)
   select id, $3::bigint, $4::bigint, $5::text, decode($6, 'hex'), decode($7, 'hex') from staging
   on conflict (staging_id, place) do update
     set size = excluded.size, media_type = excluded.media_type, hashes = excluded.hashes, sizes = excluded.sizes`,
);
const tellLength = mutation(
  "drive.staging-length",
  inTurn,
  "update drive.stagings set length = $2::bigint where id = $1 and not is_sealed",
);
const content = statement<PieceRow>(
  "drive.staging-content",
  `select encode(hashes, 'hex') as hashes, encode(sizes, 'hex') as sizes, media_type
     from drive.staged_pieces where staging_id = $1 order by place`,
);
const seal = mutation(
  "drive.staging-seal",
  inTurn,
  "update drive.stagings set is_sealed = true, hash = $2 where id = $1",
);
const join = mutation(
  "drive.staging-join",
  inTurn,
  `with joined as (
     insert into drive.staged_pieces (staging_id, place, size, media_type, hashes, sizes)
     select $1, row_number() over (order by o.position, p.place) - 1, p.size, p.media_type, p.hashes, p.sizes
       from unnest($2::text[]) with ordinality as o(id, position)
       join drive.staged_pieces p on p.staging_id = o.id
     returning size)
   update drive.stagings
      set bytes = coalesce((select sum(size) from joined), 0), pieces = (select count(*) from joined) where id = $1`,
);
const settle = mutation(
  "drive.staging-settle",
  inTurn,
  `with settled as (
     update drive.stagings
        set is_sealed = true, node_id = $2, revision = $3::bigint, length = $4::bigint, bytes = 0, pieces = 0
      where id = $1 returning id)
   delete from drive.staged_pieces where staging_id in (select id from settled)`,
);
const removeWhere = (condition: string) =>
  `with gone as (delete from drive.stagings where ${condition} returning id)
   delete from drive.staged_pieces where staging_id in (select id from gone)`;
const remove = mutation("drive.staging-remove", inTurn, removeWhere("id = $1"));
const expire = mutation(
  "drive.stagings-expire",
  inTurn,
  removeWhere("expires_at <= $1::timestamptz"),
);
/** All stagings of an owner. */
export const eraseStagings = removeWhere("owner_id = $1");
const next = statement<{
  readonly staging_id: string;
  readonly place: number;
  readonly hashes: string;
}>(
  "drive.staged-pieces-next",
  `select staging_id, place, encode(hashes, 'hex') as hashes from drive.staged_pieces
    where (staging_id, place) > ($1, $2::bigint) order by staging_id, place limit $3`,
);

const toStaging = (row: Row): Staging => ({
  id: row.id as StagingId,
  ownerId: row.owner_id as OwnerId,
  name: row.name ?? undefined,
  note: row.note,
  length: (row.length as ByteCount | null) ?? undefined,
  bytes: row.bytes as ByteCount,
  pieces: row.pieces,
  hash: (row.hash as Sha256 | null) ?? undefined,
  isSealed: row.is_sealed,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  nodeId: (row.node_id as NodeId | null) ?? undefined,
  revision: (row.revision as RevisionNumber | null) ?? undefined,
});

export const postgresStagings = ({ read, write }: Transaction): Stagings => ({
  async byId(id) {
    const [row] = await read(byId, [id]);
    return row && toStaging(row);
  },
  async byName(ownerId, name) {
    const [row] = await read(byName, [ownerId, name]);
    return row && toStaging(row);
  },
  sizes: (id) => read(sizes, [id]),
  sizeAt: async (id, place) => (await read(sizeAt, [id, place]))[0]?.size,
  listOpen: async (ownerId, now) => (await read(listOpen, [ownerId, now])).map(toStaging),
  async openOf(ownerId, now) {
    const [row] = await read(openOf, [ownerId, now]);
    return row ?? { count: 0, bytes: 0 };
  },
  add: ({ id, ownerId, name, note, length, createdAt, expiresAt }) =>
    write(add, [id, ownerId, name ?? null, note, length ?? null, createdAt, expiresAt]),
  put(id, { place, manifest, mediaType }, hash) {
    const packed = [hexOfHashes(manifest), hexOfSizes(manifest)];
    write(put, [id, hash ?? null, place, sizeOf(manifest), mediaType, ...packed]);
  },
  tellLength: (id, length) => write(tellLength, [id, length]),
  async content(id) {
    const rows = await read(content, [id]);
    return {
      manifest: rows.flatMap(manifestIn),
      mediaType: rows[0]?.media_type as MediaType | undefined,
    };
  },
  seal: (id, hash) => write(seal, [id, hash]),
  join: (id, others) => write(join, [id, others]),
  settle: (id, { nodeId, revision }, length) => write(settle, [id, nodeId, revision, length]),
  remove: (id) => write(remove, [id]),
  expire: (now) => write(expire, [now]),
  async next(after, limit) {
    const rows = await read(next, [after?.id ?? "", after?.place ?? 0, limit]);
    return rows.map((row) => ({
      id: row.staging_id as StagingId,
      place: row.place,
      hashes: hashesIn(row.hashes),
    }));
  },
});
