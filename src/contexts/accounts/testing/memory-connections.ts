import { idOf, saving } from "#kernel/repository.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import { MemoryTable } from "#platform/memory/memory-table.ts";
import type { Connections, Schedule, Syncs } from "../application/ports/connections.ts";
import type { ActiveConnection, Connection } from "../domain/connection.ts";
import type { AccountsEvent } from "../domain/events.ts";
import type { FetchingSync, MatchingSync, Sync } from "../domain/sync.ts";

const isUnfinished = (sync: Sync): sync is FetchingSync | MatchingSync =>
  sync.status === "fetching" || sync.status === "matching";

/** The tables of connections in memory. */
export const memoryConnectionTables = () => ({
  connections: new MemoryTable<Connection>(),
  schedules: new MemoryTable<Schedule>(),
  syncs: new MemoryTable<Sync>((sync) =>
    isUnfinished(sync) ? `running ${sync.connectionId}` : undefined,
  ),
});
export type ConnectionTables = ReturnType<typeof memoryConnectionTables>;

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const newest = <T extends { readonly id: string }>({ rows }: MemoryTable<T>): readonly T[] =>
  [...rows.values()].toSorted((a, b) => byText(b.id, a.id));

export const connectionsIn = (
  { connections, schedules, syncs }: ConnectionTables,
  { change, append }: MemoryTransaction,
): Connections => ({
  save: saving<Connection, AccountsEvent>(append, idOf, (next) =>
    change<Connection>(connections, next.id, () => next),
  ),
  byId: async (id) => connections.rows.get(id),
  live: async (ownerId) =>
    newest(connections).filter((one) => one.ownerId === ownerId && one.status !== "disconnected")
      .length,
  page: async ({ ownerId, before = "~", limit }) =>
    newest(connections)
      .filter((one) => one.ownerId === ownerId && one.id < before)
      .slice(0, limit),
  reseal: (id, before, after) =>
    change<Connection>(connections, id, (found) =>
      found?.status === "active" && found.credentials === before
        ? { ...found, credentials: after }
        : found,
    ),
  scheduled: async (id) => schedules.rows.get(id),
  schedule: (id, next) => change<Schedule>(schedules, id, (before) => ({ ...before, ...next })),
  ending: async ({ at, soon, limit }) =>
    newest(connections)
      .filter((one) => {
        if (one.status === "pending") return (one.login?.until ?? one.connectedAt) <= at;
        const until = one.status === "active" ? one.loginUntil : undefined;
        const isWarned = one.status === "active" && one.isWarned === true;
        return until !== undefined && (until <= at || (until <= soon && !isWarned));
      })
      .toReversed()
      .slice(0, limit),
  due: async (at, limit) =>
    newest(connections)
      .filter((one): one is ActiveConnection => one.status === "active")
      .filter(
        ({ id }) =>
          ![...syncs.rows.values()].some((one) => one.connectionId === id && isUnfinished(one)),
      )
      .flatMap((one) => {
        const nextSyncAt = schedules.rows.get(one.id)?.nextSyncAt;
        return nextSyncAt !== undefined && nextSyncAt <= at ? [{ one, nextSyncAt }] : [];
      })
      .toSorted((a, b) => byText(a.nextSyncAt, b.nextSyncAt))
      .slice(0, limit)
      .map(({ one }) => one),
});

export const syncsIn = (
  { syncs }: ConnectionTables,
  { change, append }: MemoryTransaction,
): Syncs => ({
  save: saving<Sync, AccountsEvent>(append, idOf, (next) =>
    change<Sync>(syncs, next.id, () => next),
  ),
  byId: async (id) => syncs.rows.get(id),
  running: async (connectionId) =>
    newest(syncs).find((one) => one.connectionId === connectionId && isUnfinished(one)),
  page: async ({ connectionId, before = "~", limit }) =>
    newest(syncs)
      .filter((one) => one.connectionId === connectionId && one.id < before)
      .slice(0, limit),
  unfinished: async (at, limit, besides) => {
    const ready = newest(syncs)
      .filter(isUnfinished)
      .filter(({ id, fetching }) => fetching.nextTryAt <= at && !besides.includes(id))
      .toSorted((a, b) => byText(a.fetching.nextTryAt, b.fetching.nextTryAt) || byText(a.id, b.id));
    const ofOwners = Map.groupBy(ready, ({ ownerId }) => ownerId);
    return [...ofOwners.values()].flatMap(([first]) => first ?? []).slice(0, limit);
  },
  keep: (id, fetching) => change<Sync>(syncs, id, (found) => found && { ...found, fetching }),
});

/** What was fetched for an owner, and over which connections. */
export function eraseConnections(
  { connections, schedules, syncs }: ConnectionTables,
  { change }: MemoryTransaction,
  ownerId: string,
): void {
  for (const { id, ownerId: owner } of connections.rows.values())
    if (owner === ownerId) {
      change<Connection>(connections, id, () => undefined);
      change<Schedule>(schedules, id, () => undefined);
    }
  for (const { id, ownerId: owner } of syncs.rows.values())
    if (owner === ownerId) change<Sync>(syncs, id, () => undefined);
}
