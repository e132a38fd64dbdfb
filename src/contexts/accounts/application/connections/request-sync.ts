import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Version } from "#kernel/version.ts";
import type { ConnectionNotFound, ConnectionNotReady } from "../../domain/connection.ts";
import { ConnectionId, ImportId, SyncId } from "../../domain/ids.ts";
import { noRows } from "../../domain/statement-import.ts";
import { Sync } from "../../domain/sync.ts";
import { Permissions } from "../permission.ts";
import type { Provider } from "../ports/providers.ts";
import type { AccountsScope } from "../ports/scope.ts";
import { lockOfConnection, seen } from "./owned-connection.ts";

export const RequestSync = shape({ connectionId: ConnectionId });
export type RequestSync = Infer<typeof RequestSync>;

const dayMs = 86_400_000;
/** Connections are not all synced in the same moment: up to a tenth sooner. */
const jitter = 0.1;

export type SyncDeps = {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly read: Read<AccountsScope>;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly chance: () => number;
  readonly providers: readonly Provider[];
  /** How often each connection is synced. */
  readonly syncEveryMs: number;
};
type Refusal = ConnectionNotFound | ConnectionNotReady;

/** A sync that pauses tries again now, unless its provider has said how long it must wait. */
function hurried(sync: Sync, syncs: AccountsScope["syncs"], now: Instant): Sync {
  const { waitsFor, nextTryAt } = sync.fetching;
  const isPausing = sync.status === "fetching" && waitsFor !== undefined && nextTryAt > now;
  if (!isPausing || waitsFor === "rate-limited") return sync;
  const fetching = { ...sync.fetching, nextTryAt: now };
  syncs.keep(sync.id, fetching);
  return { ...sync, fetching };
}

/** Begins a sync, or answers the one that goes on. */
export const beginSync =
  ({ clock, newId, chance, providers, syncEveryMs }: SyncDeps, connectionId: ConnectionId) =>
  async ({ connections, syncs, imports }: AccountsScope): Promise<Result<Sync, Refusal>> => {
    const connection = await connections.byId(connectionId);
    if (!connection) return err({ type: "connection-not-found", connectionId });
    const { status, ownerId, provider } = connection;
    const remote = providers.find(({ id }) => id === provider)?.remote;
    if (status !== "active" || !remote) return err({ type: "connection-not-ready", status });
    const running = await syncs.running(connectionId);
    if (running) return ok(hurried(running, syncs, clock.now()));
    const now = clock.now();
    const known = (await connections.scheduled(connectionId))?.syncedUntil;
    const days = known === undefined ? remote.historyDays : remote.overlapDays;
    const importId = newId(ImportId);
    imports.open({
      id: importId,
      ownerId,
      provider,
      isDryRun: false,
      status: "arriving",
      rows: 0,
      statements: [],
      tally: noRows,
      receivedAt: now,
      version: Version.none,
    });
    const waitMs = syncEveryMs * (1 - jitter * chance());
    connections.schedule(connectionId, { nextSyncAt: Instant.plus(now, waitMs) });
    const attempt = Sync.attempt({
      id: newId(SyncId),
      connectionId,
      ownerId,
      provider,
      importId,
      from: Instant.plus(known ?? now, -days * dayMs),
      until: now,
      startedAt: now,
    });
    return ok(syncs.save(attempt));
  };

/** Asks for a sync, which a background job does. */
export function requestSync(deps: SyncDeps & { readonly mayAct: MayAct }) {
  const found = seen(deps, Permissions.syncConnections);
  return async (
    { connectionId }: RequestSync,
    context: Context,
  ): Promise<Result<Sync, Refusal | Forbidden | Conflict>> => {
    const connection = await found(connectionId, context);
    if (!connection.ok) return connection;
    const lock = [lockOfConnection(connectionId)];
    return deps.unitOfWork(context, beginSync(deps, connectionId), { lock });
  };
}
