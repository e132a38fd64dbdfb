import { Instant } from "#kernel/instant.ts";
import { Count, text } from "#kernel/scalars.ts";
import { described, list, named, oneOf, optional, shape, type Infer } from "#kernel/shape.ts";
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
        abilities: described(
          "`files` are sent by the user; all else is fetched over a connection",
          list(oneOf(...abilities), abilities.length),
        ),
        connectsWith: described(
          "`keys`: send an API key; `login`: the user signs in at `signInAt`",
          optional(oneOf("keys", "login")),
        ),
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
  connectedAt: described("When it was asked for", Instant),
  loginUntil: described("The user has to sign in again by then", optional(Instant)),
  nextSyncAt: described("When the next sync is due", optional(Instant)),
  syncedUntil: described(
    "What was created at the provider before is fetched: the end of the last whole sync",
    optional(Instant),
  ),
};
export const ConnectionView = named("Connection", shape(connection));
export const ConnectingView = named(
  "Connecting",
  shape({
    ...connection,
    signInAt: described(
      "Send the user's browser there; it comes back to your page with `state` and `code`",
      optional(text(4_000)),
    ),
  }),
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

export const SyncView = named(
  "Sync",
  shape({
    id: SyncId,
    connectionId: ConnectionId,
    provider: ProviderId,
    status: oneOf("fetching", "matching", "succeeded", "partially-succeeded", "failed"),
    from: described("What was created at the provider since then is fetched", Instant),
    until: described("… until then", Instant),
    pages: described("Answers of the provider that are kept", Count),
    rows: described("Rows in them", Count),
    importId: described(
      "The import whose rows they are, which says what becomes of them",
      ImportId,
    ),
    waitsFor: described(
      "Why it pauses, while it is `fetching`",
      optional(oneOf(...failureReasons)),
    ),
    nextTryAt: described("Until when it pauses", optional(Instant)),
    reason: described("Why not all was fetched", optional(oneOf(...failureReasons))),
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
