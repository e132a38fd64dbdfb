import type { Instant } from "#kernel/instant.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { inTurn, mutation } from "#platform/postgres/writes.ts";
import type { Uploads } from "../application/ports/uploads.ts";
import type { ByteCount, RevisionNumber, Sha256 } from "../domain/content.ts";
import type { NodeId, OwnerId, UploadId } from "../domain/ids.ts";
import type { NodeName } from "../domain/node-name.ts";
import type { Upload, UploadTarget, WantedChunk } from "../domain/upload.ts";
import { hashesIn, hexOfHashes, hexOfSizes, manifestIn } from "./packed-manifest.ts";

type Row = {
  readonly id: string;
  readonly owner_id: string;
  readonly folder_id: string | null;
  readonly name: string | null;
  readonly file_id: string | null;
  readonly base: number | null;
  readonly size: number;
  readonly hash: string;
  readonly modified_at: Instant;
  readonly created_at: Instant;
  readonly expires_at: Instant;
  readonly node_id: string | null;
};
type ChunkRow = {
  readonly position: number;
  readonly hash: string;
  readonly size: number;
  readonly has_come: boolean;
};
type PackedRow = { readonly id: string; readonly hashes: string; readonly sizes: string };

const columns =
  "id, owner_id, folder_id, name, file_id, base, size, hash, coalesce(modified_at, created_at) as modified_at, created_at, expires_at, node_id";
const byId = statement<Row>(
  "drive.upload-by-id",
  `select ${columns} from drive.uploads where id = $1`,
);
const same = statement<Row>(
  "drive.upload-same",
  `select ${columns} from drive.uploads
    where owner_id = $1 and hash = $2 and node_id is null and expires_at > $3::timestamptz
      and (folder_id, name, file_id, base) is not distinct from ($4::text, $5::text, $6::text, $7::bigint)
      and hashes = decode($8, 'hex') and sizes = decode($9, 'hex')
    order by id limit 1`,
);
const countOpen = statement<{ readonly n: number }>(
  "drive.uploads-open",
  `select count(*) as n from drive.uploads
    where owner_id = $1 and expires_at > $2::timestamptz and node_id is null`,
);
const wantedChunks = (first: number) =>
  `select $1, c.position, decode(c.hash, 'hex'), c.size
     from unnest($${first}::int[], $${first + 1}::text[], $${first + 2}::int[]) as c(position, hash, size)`;
const add = mutation(
  "drive.upload-add",
  inTurn,
  `with upload as (
     insert into drive.uploads (id, owner_id, folder_id, name, file_id, base, size, hash, hashes, sizes, modified_at, created_at, expires_at)
     values ($1, $2, $3, $4, $5, $6::bigint, $7::bigint, $8, decode($9, 'hex'), decode($10, 'hex'), $11::timestamptz, $12::timestamptz,
             $13::timestamptz))
   insert into drive.upload_chunks (upload_id, position, hash, size) ${wantedChunks(14)}`,
);
/** Of an upload that is there still. */
const want = mutation(
  "drive.upload-want",
  "upload_chunks",
  `with upload as materialized (select id from drive.uploads where id = $1 for key share)
   insert into drive.upload_chunks (upload_id, position, hash, size) ${wantedChunks(2)}
     cross join upload
   on conflict (upload_id, position) do update set has_come = false`,
);
const packed = statement<PackedRow>(
  "drive.upload-manifest",
  `select id, encode(hashes, 'hex') as hashes, encode(sizes, 'hex') as sizes from drive.uploads where id = $1`,
);
const next = statement<Omit<PackedRow, "sizes">>(
  "drive.uploads-next",
  `select id, encode(hashes, 'hex') as hashes from drive.uploads where id > $1 order by id limit 1`,
);
const chunkColumns = "position, encode(hash, 'hex') as hash, size, has_come";
const wanted = statement<ChunkRow>(
  "drive.upload-wanted",
  `select ${chunkColumns} from drive.upload_chunks
    where upload_id = $1 and position = any($2::int[]) order by position`,
);
const missing = statement<ChunkRow>(
  "drive.upload-missing",
  `select ${chunkColumns} from drive.upload_chunks
    where upload_id = $1 and not has_come order by position limit $2`,
);
const come = mutation(
  "drive.upload-come",
  "upload_chunks",
  "update drive.upload_chunks set has_come = true where upload_id = $1 and position = any($2::int[])",
);
const commit = mutation(
  "drive.upload-commit",
  "uploads",
  "update drive.uploads set node_id = $2, hashes = '', sizes = '' where id = $1",
);
const forgetChunks = mutation(
  "drive.upload-forget-chunks",
  "upload_chunks",
  "delete from drive.upload_chunks where upload_id = $1",
);
const removeWhere = (condition: string) =>
  `with gone as (delete from drive.uploads where ${condition} returning id)
   delete from drive.upload_chunks where upload_id in (select id from gone)`;
const remove = mutation("drive.upload-remove", inTurn, removeWhere("id = $1"));
const expire = mutation(
  "drive.uploads-expire",
  inTurn,
  removeWhere("expires_at <= $1::timestamptz"),
);
/** All uploads of an owner. */
export const eraseUploads = removeWhere("owner_id = $1");

const toTarget = (row: Row): UploadTarget =>
  row.folder_id === null
    ? { kind: "revision", fileId: row.file_id as NodeId, base: row.base as RevisionNumber }
    : { kind: "file", folderId: row.folder_id as NodeId, name: row.name as NodeName };

const toUpload = (row: Row): Upload => ({
  id: row.id as UploadId,
  ownerId: row.owner_id as OwnerId,
  target: toTarget(row),
  size: row.size as ByteCount,
  hash: row.hash as Sha256,
  modifiedAt: row.modified_at,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  ...(row.node_id === null ? {} : { nodeId: row.node_id as NodeId }),
});

const toChunk = ({ position, hash, size, has_come: hasCome }: ChunkRow): WantedChunk => ({
  position,
  hash: hash as Sha256,
  size,
  hasCome,
});

const placesOf = (target: UploadTarget) =>
  target.kind === "file"
    ? [target.folderId, target.name, null, null]
    : [null, null, target.fileId, target.base];

export const postgresUploads = ({ read, write }: Transaction): Uploads => {
  const columnsOf = (chunks: readonly WantedChunk[]) => [
    chunks.map(({ position }) => position),
    chunks.map(({ hash }) => hash),
    chunks.map(({ size }) => size),
  ];
  return {
    async byId(id) {
      const [row] = await read(byId, [id]);
      return row && toUpload(row);
    },
    async countOpen(ownerId, now) {
      const [row] = await read(countOpen, [ownerId, now]);
      return row?.n ?? 0;
    },
    async same({ ownerId, target, hash, createdAt }, manifest) {
      const packing = [hexOfHashes(manifest), hexOfSizes(manifest)];
      const [row] = await read(same, [ownerId, hash, createdAt, ...placesOf(target), ...packing]);
      return row && toUpload(row);
    },
    add({ id, ownerId, target, size, hash, modifiedAt, createdAt, expiresAt }, manifest, chunks) {
      const packing = [hexOfHashes(manifest), hexOfSizes(manifest)];
      const told = [...placesOf(target), size, hash, ...packing, modifiedAt, createdAt, expiresAt];
      write(add, [id, ownerId, ...told, ...columnsOf(chunks)]);
    },
    async manifest(id) {
      const [row] = await read(packed, [id]);
      return row ? manifestIn(row) : [];
    },
    wanted: async (id, positions) => (await read(wanted, [id, positions])).map(toChunk),
    missing: async (id, limit) => (await read(missing, [id, limit])).map(toChunk),
    come: (id, positions) => write(come, [id, positions]),
    want: (id, chunks) => write(want, [id, ...columnsOf(chunks)]),
    commit(id, nodeId) {
      write(commit, [id, nodeId]);
      write(forgetChunks, [id]);
    },
    remove: (id) => write(remove, [id]),
    expire: (now) => write(expire, [now]),
    async next(after) {
      const [row] = await read(next, [after ?? ""]);
      return row && { id: row.id as UploadId, hashes: hashesIn(row.hashes) };
    },
  };
};
