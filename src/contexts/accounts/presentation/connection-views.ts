import { Instant } from "#kernel/instant.ts";
import { Count, text } from "#kernel/scalars.ts";
import { list, named, oneOf, optional, shape, type Infer } from "#kernel/shape.ts";
import {
  ConnectionPageSize,
  SyncPageSize,
  type ScheduledConnection,
} from "../application/connections/read-connections.ts";
import type { Provider } from "../application/ports/providers.ts";
import type { Connecting } from "../application/connections/connect-provider.ts";
import type { Connection } from "../domain/connection.ts";
import { ConnectionId, ImportId, SyncId } from "../domain/ids.ts";
import { abilities, failureReasons, ProviderId } from "../domain/provider.ts";
import type { Sync } from "../domain/sync.ts";

export const ProviderListView = named(
  "ProviderList",
  shape({
    items: list(
      shape({
        id: ProviderId,
        name: text(100),
        abilities: list(oneOf(...abilities), abilities.length),
        connectsWith: optional(oneOf("keys", "login")),
      }),
      100,
    ),
  }),
);
export const toProviders = (providers: readonly Provider[]): Infer<typeof ProviderListView> => ({
  items: providers.map(({ id, name, abilities: all, remote }) => ({
    id,
    name,
    abilities: all,
    ...(remote ? { connectsWith: remote.connectsWith } : {}),
  })),
});

const connection = {
  id: ConnectionId,
  provider: ProviderId,
  status: oneOf("pending", "failed", "active", "expired", "revoked", "disconnected"),
  connectedAt: Instant,
  loginUntil: optional(Instant),
  nextSyncAt: optional(Instant),
  syncedUntil: optional(Instant),
};
/** `syncedUntil`: what its last whole sync has reached. `loginUntil`: its owner has to sign in again by then. */
export const ConnectionView = named("Connection", shape(connection));
/** `signInAt`: where its owner signs in, if they have to. */
export const ConnectingView = named(
  "Connecting",
  shape({ ...connection, signInAt: optional(text(4_000)) }),
);
export const ConnectionListView = named(
  "ConnectionList",
  shape({
    items: list(ConnectionView, ConnectionPageSize.most),
    nextCursor: optional(ConnectionId),
  }),
);

export function toConnection(connection: Connection): Infer<typeof ConnectionView> {
  const { id, provider, status, connectedAt } = connection;
  const loginUntil = connection.status === "active" ? connection.loginUntil : undefined;
  const login = loginUntil === undefined ? {} : { loginUntil };
  return { id, provider, status, connectedAt, ...login };
}

export const toConnecting = ({
  connection,
  signInAt,
}: Connecting): Infer<typeof ConnectingView> => ({
  ...toConnection(connection),
  ...(signInAt === undefined ? {} : { signInAt }),
});

export const toScheduled = ({ connection, schedule }: ScheduledConnection) => {
  const { nextSyncAt, ...synced } = schedule ?? {};
  const isActive = connection.status === "active" && nextSyncAt !== undefined;
  return { ...toConnection(connection), ...synced, ...(isActive ? { nextSyncAt } : {}) };
};

/**
 * `from` and `until`: what was created at the provider meanwhile is fetched. `importId`: the import that its rows are of. `waitsFor`: why
 * it pauses, until `nextTryAt`. `reason`: why not all was fetched.
 */
export const SyncView = named(
  "Sync",
  shape({
    id: SyncId,
    connectionId: ConnectionId,
    provider: ProviderId,
    status: oneOf("fetching", "matching", "succeeded", "partially-succeeded", "failed"),
    from: Instant,
    until: Instant,
    pages: Count,
    rows: Count,
    importId: ImportId,
    waitsFor: optional(oneOf(...failureReasons)),
    nextTryAt: optional(Instant),
    reason: optional(oneOf(...failureReasons)),
    startedAt: Instant,
    endedAt: optional(Instant),
  }),
);
export const SyncListView = named(
  "SyncList",
  shape({ items: list(SyncView, SyncPageSize.most), nextCursor: optional(SyncId) }),
);

export function toSync(sync: Sync): Infer<typeof SyncView> {
  const { id, connectionId, provider, status, from, until, importId, startedAt, fetching } = sync;
  const { pages, rows, waitsFor, nextTryAt } = fetching;
  return {
    id,
    connectionId,
    provider,
    status,
    from,
    until,
    pages,
    rows,
    importId,
    ...(status === "fetching" && waitsFor !== undefined ? { waitsFor, nextTryAt } : {}),
    ...("reason" in sync ? { reason: sync.reason } : {}),
    startedAt,
    ...("endedAt" in sync ? { endedAt: sync.endedAt } : {}),
  };
}
