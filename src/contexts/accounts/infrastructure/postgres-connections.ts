import type { Instant } from "#kernel/instant.ts";
import { idOf, saving } from "#kernel/repository.ts";
import type { Version } from "#kernel/version.ts";
import { statement, type Database } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { inTurn, mutation } from "#platform/postgres/writes.ts";
import type { Connections } from "../application/ports/connections.ts";
import type { ActiveConnection, Connection, OpenLogin, Sealed } from "../domain/connection.ts";
import type { AccountsEvent } from "../domain/events.ts";
import type { ConnectionId, OwnerId } from "../domain/ids.ts";
import type { ExternalId } from "../domain/observation.ts";
import type { ProviderId } from "../domain/provider.ts";

type Row = {
  readonly id: string;
  readonly owner_id: string;
  readonly provider: string;
  readonly status: Connection["status"];
  readonly credentials: string | null;
  readonly accounts: readonly string[];
  readonly connected_at: Instant;
  readonly login: OpenLogin | null;
  readonly login_until: Instant | null;
  readonly is_warned: boolean;
  readonly version: number;
};
const columns =
  "id, owner_id, provider, status, credentials, accounts, connected_at, login, login_until, is_warned, version";

const byId = statement<Row>(
  "accounts.connection-by-id",
  `select ${columns} from accounts.connections where id = $1`,
);
const live = statement<{ readonly live: number }>(
  "accounts.connections-live",
  `select count(*)::int as live from accounts.connections
    where owner_id = $1 and status <> 'disconnected'`,
);
const page = statement<Row>(
  "accounts.connection-page",
  `select ${columns} from accounts.connections
    where owner_id = $1 and id < $2 order by id desc limit $3`,
);
const due = statement<Row>(
  "accounts.connections-due",
  `select ${columns} from accounts.connections c
    where status = 'active' and next_sync_at <= $1
      and not exists (select from accounts.syncs s
                       where s.connection_id = c.id and s.status in ('fetching', 'matching'))
    order by next_sync_at limit $2`,
);
const scheduled = statement<{
  readonly next_sync_at: Instant | null;
  readonly synced_until: Instant | null;
  readonly synced_accounts: readonly string[] | null;
}>(
  "accounts.connection-scheduled",
  "select next_sync_at, synced_until, synced_accounts from accounts.connections where id = $1",
);
/** Only a new one is inserted: one whose owner is being erased stays away. */
const upsert = mutation(
  "accounts.connection-upsert",
  inTurn,
  `with changed as (
     update accounts.connections
        set status = $4, credentials = $5, accounts = $6::text[], login = $8::jsonb, login_until = $9::timestamptz,
            is_warned = $10::boolean, version = $11
      where id = $1 and $11::bigint > 1)
   insert into accounts.connections (${columns})
   select $1, $2, $3, $4, $5, $6::text[], $7::timestamptz, $8::jsonb, $9::timestamptz, $10::boolean, $11::bigint
    where $11::bigint = 1`,
);
const schedule = mutation(
  "accounts.connection-schedule",
  inTurn,
  `update accounts.connections
      set next_sync_at = $2, synced_until = coalesce($3, synced_until),
          synced_accounts = coalesce($4::text[], synced_accounts) where id = $1`,
);
const ending = statement<Row>(
  "accounts.connections-ending",
  `select ${columns} from accounts.connections
    where status = 'active' and (login_until <= $1 or (login_until <= $2 and not is_warned))
       or status = 'pending' and connected_at <= $1
          and coalesce((login->>'until')::timestamptz, connected_at) <= $1
    order by id limit $3`,
);
const reseal = mutation(
  "accounts.connection-reseal",
  inTurn,
  "update accounts.connections set credentials = $3 where id = $1 and credentials = $2",
);

type OverviewRow = {
  readonly id: string;
  readonly owner_id: string;
  readonly provider: string;
  readonly status: string;
  readonly next_sync_at: Instant | null;
  readonly last_sync: string | null;
};
const overview = statement<OverviewRow>(
  "accounts.connections-overview",
  `select c.id, c.owner_id, c.provider, c.status, c.next_sync_at,
          s.status || coalesce(': ' || s.reason, '') as last_sync
     from accounts.connections c
     left join lateral (select status, reason from accounts.syncs
                         where connection_id = c.id order by id desc limit 1) s on true
    where c.id > $1 order by c.id limit 1000`,
);

/** A connection in the operator's list. `lastSync`: the status of its newest sync, and the reason if there is one. */
export type ConnectionOverview = {
  readonly id: string;
  readonly owner: string;
  readonly provider: string;
  readonly status: string;
  readonly nextSyncAt?: Instant;
  readonly lastSync?: string;
};

/** All connections, oldest first. */
export async function connectionsOverview(
  database: Database,
): Promise<readonly ConnectionOverview[]> {
  const all: ConnectionOverview[] = [];
  for (let rows = await database.query(overview, [""]); rows.length > 0;) {
    all.push(
      ...rows.map(({ id, owner_id, provider, status, next_sync_at, last_sync }) => ({
        id,
        owner: owner_id,
        provider,
        status,
        ...(next_sync_at === null || status !== "active" ? {} : { nextSyncAt: next_sync_at }),
        ...(last_sync === null ? {} : { lastSync: last_sync }),
      })),
    );
    rows = await database.query(overview, [rows.at(-1)?.id ?? ""]);
  }
  return all;
}

const needed = statement<{ readonly id: string }>(
  "accounts.master-keys-needed",
  `select distinct split_part(credentials, '.', 1) as id from accounts.connections where status = 'active'`,
);
/** The ids of the master keys that credentials are sealed under. */
export const neededMasterKeys = async (database: Database): Promise<readonly string[]> =>
  (await database.query(needed, [])).map(({ id }) => id);

function toConnection(row: Row): Connection {
  const { status, credentials } = row;
  const known = {
    id: row.id as ConnectionId,
    ownerId: row.owner_id as OwnerId,
    provider: row.provider as ProviderId,
    accounts: row.accounts as readonly ExternalId[],
    connectedAt: row.connected_at,
    ...(row.login === null ? {} : { login: row.login }),
    version: row.version as Version,
  };
  if (status !== "active") return { ...known, status };
  return {
    ...known,
    status,
    credentials: (credentials ?? "") as Sealed,
    ...(row.login_until === null ? {} : { loginUntil: row.login_until }),
    ...(row.is_warned ? { isWarned: true } : {}),
  };
}

const isActive = (found: Connection): found is ActiveConnection => found.status === "active";

export const postgresConnections = ({ read, write, append }: Transaction): Connections => ({
  save: saving<Connection, AccountsEvent>(append, idOf, (next) =>
    write(upsert, [
      next.id,
      next.ownerId,
      next.provider,
      next.status,
      next.status === "active" ? next.credentials : null,
      next.accounts,
      next.connectedAt,
      next.login === undefined ? null : JSON.stringify(next.login),
      (next.status === "active" ? next.loginUntil : undefined) ?? null,
      next.status === "active" && next.isWarned === true,
      next.version,
    ]),
  ),
  async byId(id) {
    const [row] = await read(byId, [id]);
    return row && toConnection(row);
  },
  async live(ownerId) {
    const [row] = await read(live, [ownerId]);
    return row?.live ?? 0;
  },
  page: async ({ ownerId, before = "~", limit }) =>
    (await read(page, [ownerId, before, limit])).map(toConnection),
  reseal: (id, before, after) => write(reseal, [id, before, after]),
  async scheduled(id) {
    const [row] = await read(scheduled, [id]);
    if (!row || row.next_sync_at === null) return undefined;
    const { next_sync_at: nextSyncAt, synced_until: syncedUntil, synced_accounts: all } = row;
    return {
      nextSyncAt,
      ...(syncedUntil === null ? {} : { syncedUntil }),
      ...(all === null ? {} : { syncedAccounts: all as readonly ExternalId[] }),
    };
  },
  schedule: (id, { nextSyncAt, syncedUntil, syncedAccounts }) =>
    write(schedule, [id, nextSyncAt, syncedUntil ?? null, syncedAccounts ?? null]),
  ending: async ({ at, soon, limit }) => (await read(ending, [at, soon, limit])).map(toConnection),
  due: async (at, limit) => (await read(due, [at, limit])).map(toConnection).filter(isActive),
});
