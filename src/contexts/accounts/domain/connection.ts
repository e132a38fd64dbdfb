import { unchanged, type Change } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Brand } from "#kernel/shape.ts";
import { Version, type Versioned } from "#kernel/version.ts";
import {
  ConnectionActivated,
  ConnectionDisconnected,
  ConnectionRevoked,
  type AccountsEvent,
} from "./events.ts";
import type { ConnectionId, OwnerId } from "./ids.ts";
import type { ExternalId } from "./observation.ts";
import type { ProviderId } from "./provider.ts";

/** Ciphertext that only the holder of the master key reads, and for one connection only. */
export type Sealed = Brand<string, "Sealed">;

type AnyConnection = Versioned & {
  readonly id: ConnectionId;
  readonly ownerId: OwnerId;
  readonly provider: ProviderId;
  readonly connectedAt: Instant;
  /** What the provider calls its accounts: those of another customer are never taken for them. */
  readonly accounts: readonly ExternalId[];
};

export type ActiveConnection = AnyConnection & {
  readonly status: "active";
  readonly credentials: Sealed;
};
/** Nothing is fetched, and no credentials are kept. */
export type IdleConnection = AnyConnection & { readonly status: "revoked" | "disconnected" };
/** What a provider lets its customer fetch. */
export type Connection = ActiveConnection | IdleConnection;

export type ConnectionNotFound = {
  readonly type: "connection-not-found";
  readonly connectionId: ConnectionId;
};
/** Only an active connection is synced, and a disconnected one is at its end. */
export type ConnectionNotReady = {
  readonly type: "connection-not-ready";
  readonly status: Connection["status"];
};

/** The credentials are of other accounts than those that the connection has. */
export type OtherAccount = { readonly type: "other-account" };

type Changed<C extends Connection = Connection> = Change<C, AccountsEvent>;
type Opening = Omit<ActiveConnection, "version" | "status">;

const facts = ({ id, ownerId, provider }: Pick<Connection, "id" | "ownerId" | "provider">) => ({
  connectionId: id,
  ownerId,
  provider,
});

/** Forgets the credentials. */
function idle(connection: ActiveConnection | IdleConnection, status: IdleConnection["status"]) {
  const { credentials: _, ...rest } = { credentials: undefined, ...connection };
  return { ...rest, status };
}

export const Connection = {
  open: (opening: Opening): Changed<ActiveConnection> => ({
    state: { ...opening, status: "active", version: Version.none },
    events: [ConnectionActivated(facts(opening))],
  }),

  /** Goes on with other credentials, which open the accounts of before. */
  reconnect(
    connection: Connection,
    { credentials, accounts }: Pick<ActiveConnection, "credentials" | "accounts">,
  ): Result<Changed<ActiveConnection>, ConnectionNotReady | OtherAccount> {
    if (connection.status === "disconnected")
      return err({ type: "connection-not-ready", status: connection.status });
    if (!connection.accounts.every((known) => accounts.includes(known)))
      return err({ type: "other-account" });
    return ok({
      state: { ...connection, status: "active", credentials },
      events: [ConnectionActivated(facts(connection))],
    });
  },

  /** The provider takes the credentials no more. */
  revoke: (connection: ActiveConnection): Changed => ({
    state: idle(connection, "revoked"),
    events: [ConnectionRevoked(facts(connection))],
  }),

  /** What was fetched stays. */
  disconnect: (connection: Connection): Changed =>
    connection.status === "disconnected"
      ? unchanged(connection)
      : {
          state: idle(connection, "disconnected"),
          events: [ConnectionDisconnected({ connectionId: connection.id })],
        },
};
