import type { Instant } from "#kernel/instant.ts";
import { idOf, saving } from "#kernel/repository.ts";
import type { Version } from "#kernel/version.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { inTurn, mutation } from "#platform/postgres/writes.ts";
import type { Syncs } from "../application/ports/connections.ts";
import type { AccountsEvent } from "../domain/events.ts";
import type { ConnectionId, ImportId, OwnerId, SyncId } from "../domain/ids.ts";
import type { FailureReason, ProviderId } from "../domain/provider.ts";
import type { Fetching, FetchingSync, MatchingSync, Sync } from "../domain/sync.ts";

type Row = {
  readonly id: string;
  readonly connection_id: string;
  readonly owner_id: string;
  readonly provider: string;
  readonly import_id: string;
  readonly status: Sync["status"];
  readonly reason: FailureReason | null;
  readonly from_at: Instant;
  readonly until_at: Instant;
  readonly started_at: Instant;
  readonly ended_at: Instant | null;
  readonly fetching: Fetching;
  readonly version: number;
};
const columns =
  "id, connection_id, owner_id, provider, import_id, status, reason, from_at, until_at, started_at, ended_at, fetching, version";

const byId = statement<Row>(
  "accounts.sync-by-id",
  `select ${columns} from accounts.syncs where id = $1`,
);
const running = statement<Row>(
  "accounts.sync-running",
  `select ${columns} from accounts.syncs
    where connection_id = $1 and status in ('fetching', 'matching')`,
);
const page = statement<Row>(
  "accounts.sync-page",
  `select ${columns} from accounts.syncs
    where connection_id = $1 and id < $2 order by id desc limit $3`,
);
const unfinished = statement<Row>(
  "accounts.syncs-unfinished",
  `select * from (
     select distinct on (owner_id) ${columns}, next_try_at from accounts.syncs
      where status in ('fetching', 'matching') and next_try_at <= $1 and id <> all($2::text[])
      order by owner_id, next_try_at, id) of_owners
    order by next_try_at, id limit $3`,
);
/** Only a new one is inserted: one whose owner is being erased stays away. */
const upsert = mutation(
  "accounts.sync-upsert",
  inTurn,
  `with changed as (
     update accounts.syncs set status = $6, reason = $7, ended_at = $11::timestamptz, fetching = $12::jsonb,
            version = $13, next_try_at = $14::timestamptz
      where id = $1 and $13::bigint > 1)
   insert into accounts.syncs (${columns}, next_try_at)
   select $1, $2, $3, $4, $5, $6, $7, $8::timestamptz, $9::timestamptz, $10::timestamptz, $11::timestamptz,
          $12::jsonb, $13::bigint, $14::timestamptz where $13::bigint = 1`,
);
const keep = mutation(
  "accounts.sync-keep",
  inTurn,
  "update accounts.syncs set fetching = $2::jsonb, next_try_at = $3 where id = $1",
);

function toSync(row: Row): Sync {
  const { status, reason, ended_at } = row;
  const known = {
    id: row.id as SyncId,
    connectionId: row.connection_id as ConnectionId,
    ownerId: row.owner_id as OwnerId,
    provider: row.provider as ProviderId,
    importId: row.import_id as ImportId,
    from: row.from_at,
    until: row.until_at,
    startedAt: row.started_at,
    fetching: row.fetching,
    version: row.version as Version,
  };
  if (status === "fetching") return { ...known, status };
  const because = reason === null ? {} : { reason };
  if (status === "matching") return { ...known, ...because, status };
  if (ended_at === null) throw new Error(`${row.id} has ended since nobody knows when`);
  return { ...known, ...because, status, endedAt: ended_at };
}

const isUnfinished = (found: Sync): found is FetchingSync | MatchingSync =>
  found.status === "fetching" || found.status === "matching";

export const postgresSyncs = ({ read, write, append }: Transaction): Syncs => ({
  save: saving<Sync, AccountsEvent>(append, idOf, (next) =>
    write(upsert, [
      next.id,
      next.connectionId,
      next.ownerId,
      next.provider,
      next.importId,
      next.status,
      ("reason" in next ? next.reason : undefined) ?? null,
      next.from,
      next.until,
      next.startedAt,
      "endedAt" in next ? next.endedAt : null,
      JSON.stringify(next.fetching),
      next.version,
      next.fetching.nextTryAt,
    ]),
  ),
  async byId(id) {
    const [row] = await read(byId, [id]);
    return row && toSync(row);
  },
  async running(id) {
    const [row] = await read(running, [id]);
    return row && toSync(row);
  },
  page: async ({ connectionId, before = "~", limit }) =>
    (await read(page, [connectionId, before, limit])).map(toSync),
  unfinished: async (at, limit, besides) =>
    (await read(unfinished, [at, besides, limit])).map(toSync).filter(isUnfinished),
  keep: (id, fetching) => write(keep, [id, JSON.stringify(fetching), fetching.nextTryAt]),
});
