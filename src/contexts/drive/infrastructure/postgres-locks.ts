import type { Instant } from "#kernel/instant.ts";
import { idOf, saving } from "#kernel/repository.ts";
import type { Version } from "#kernel/version.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { inTurn, mutation } from "#platform/postgres/writes.ts";
import type { Locks } from "../application/ports/locks.ts";
import type { DriveEvent } from "../domain/events.ts";
import type { LockId, NodeId, SpaceId, UserId } from "../domain/ids.ts";
import type { Lock } from "../domain/lock.ts";

type Row = {
  readonly id: string;
  readonly node_id: string;
  readonly space_id: string;
  readonly holder_id: string;
  readonly is_exclusive: boolean;
  readonly covers_below: boolean;
  readonly note: string | null;
  readonly created_at: Instant;
  readonly expires_at: Instant;
  readonly version: number;
};
const columns =
  "id, node_id, space_id, holder_id, is_exclusive, covers_below, note, created_at, expires_at, version";

const byId = statement<Row>(
  "drive.lock-by-id",
  `select ${columns} from drive.locks where id = $1 and expires_at > $2::timestamptz`,
);
const covering = statement<Row>(
  "drive.locks-covering",
  `select ${columns} from drive.locks
    where node_id = any($2::text[]) and (node_id = $1 or covers_below) and expires_at > $3::timestamptz order by id`,
);
const below = statement<Row>(
  "drive.locks-below",
  `select ${columns} from drive.locks
    where space_id = $2 and expires_at > $3::timestamptz and drive.lies_below(node_id, $1) and not drive.in_trash(node_id)
    order by id`,
);
const count = statement<{ readonly n: number }>(
  "drive.locks-count",
  `select count(*) as n from drive.locks
    where space_id = $1 and expires_at > $2::timestamptz and not drive.in_trash(node_id)`,
);
/** One on a node that was purged meanwhile is refused. */
const insert = mutation(
  "drive.lock-insert",
  "locks",
  `insert into drive.locks (${columns})
   select $1, $2, $3, $4, $5::boolean, $6::boolean, $7, $8::timestamptz, $9::timestamptz, $10::bigint where drive.hold_node($2)`,
);
const renew = mutation(
  "drive.lock-renew",
  "locks",
  "update drive.locks set expires_at = $2::timestamptz, version = $3::bigint where id = $1",
);
const release = mutation("drive.lock-release", "locks", "delete from drive.locks where id = $1");
const endOf = mutation(
  "drive.locks-end-of-holder",
  "locks",
  "delete from drive.locks where holder_id = $1 and space_id = $2",
);
const expire = mutation(
  "drive.locks-expire",
  inTurn,
  "delete from drive.locks where space_id = $1 and expires_at <= $2::timestamptz",
);

const toLock = (row: Row): Lock => ({
  id: row.id as LockId,
  nodeId: row.node_id as NodeId,
  spaceId: row.space_id as SpaceId,
  holderId: row.holder_id as UserId,
  scope: row.is_exclusive ? "exclusive" : "shared",
  coversBelow: row.covers_below,
  ...(row.note === null ? {} : { note: row.note }),
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  version: row.version as Version,
});

export const postgresLocks = ({ read, write, append }: Transaction): Locks => ({
  async byId(id, now) {
    const [row] = await read(byId, [id, now]);
    return row && toLock(row);
  },
  covering: async ({ node: { id }, above }, now) =>
    (await read(covering, [id, [id, ...above.map((one) => one.id)], now])).map(toLock),
  below: async (folderId, spaceId, now) =>
    (await read(below, [folderId, spaceId, now])).map(toLock),
  count: async (spaceId, now) => (await read(count, [spaceId, now]))[0]?.n ?? 0,
  save: saving<Lock, DriveEvent>(append, idOf, (lock, { state }) => {
    if (state.version > 0) return write(renew, [lock.id, lock.expiresAt, lock.version]);
    return write(insert, [
      lock.id,
      lock.nodeId,
      lock.spaceId,
      lock.holderId,
      lock.scope === "exclusive",
      lock.coversBelow,
      lock.note ?? null,
      lock.createdAt,
      lock.expiresAt,
      lock.version,
    ]);
  }),
  release({ state, events }) {
    append(state.id, state.version, events);
    write(release, [state.id]);
  },
  endOf: (holderId, spaceId) => write(endOf, [holderId, spaceId]),
  expire: (spaceId, now) => write(expire, [spaceId, now]),
});
