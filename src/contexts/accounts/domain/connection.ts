import { unchanged, type Change } from "#kernel/change.ts";
import { Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Brand } from "#kernel/shape.ts";
import { Version, type Versioned } from "#kernel/version.ts";
import {
  ConnectionActivated,
  ConnectionDisconnected,
  ConnectionExpired,
  ConnectionFailed,
  ConnectionRevoked,
  LoginBegun,
  LoginEnding,
  LoginReturned,
  type AccountsEvent,
} from "./events.ts";
import type { ConnectionId, OwnerId } from "./ids.ts";
import type { ExternalId } from "./observation.ts";
import type { ProviderId } from "./provider.ts";

/** Ciphertext that only the holder of the master key reads, and for one connection only. */
export type Sealed = Brand<string, "Sealed">;

/** A login that an owner has begun. The provider returns its `state`, and only the session that began it can finish it. */
export type OpenLogin = {
  readonly state: string;
  /** The PKCE verifier: it proves that the code is exchanged by the client that began the login. Source: RFC 7636. */
  readonly verifier: Sealed;
  /** The session or API key that began it. */
  readonly session: string;
  readonly until: Instant;
};

type AnyConnection = Versioned & {
  readonly id: ConnectionId;
  readonly ownerId: OwnerId;
  readonly provider: ProviderId;
  readonly connectedAt: Instant;
  /** What the provider calls its accounts: those of another customer are never taken for them. */
  readonly accounts: readonly ExternalId[];
  readonly login?: OpenLogin;
};

export type ActiveConnection = AnyConnection & {
  readonly status: "active";
  readonly credentials: Sealed;
  /** The provider wants another login by then. Missing where it never does. */
  readonly loginUntil?: Instant;
  /** The owner was warned that the login ends. */
  readonly isWarned?: boolean;
};
/**
 * Nothing is fetched, and no credentials are kept. `pending`: its owner has not signed in at the provider yet, and `failed`: they did not;
 * `expired`: their login has ended; `revoked`: the provider no longer takes the credentials.
 */
export type IdleConnection = AnyConnection & {
  readonly status: "pending" | "failed" | "expired" | "revoked" | "disconnected";
};
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
/** No open login has this state in this session: the login has expired, its state was used, or another session or user began it. */
export type LoginUnknown = { readonly type: "login-unknown" };

type Changed<C extends Connection = Connection> = Change<C, AccountsEvent>;
type Opening = Omit<ActiveConnection, "version" | "status">;
type Requested = Omit<IdleConnection, "version" | "status" | "accounts">;
type Opened = Pick<ActiveConnection, "credentials" | "accounts" | "loginUntil">;

/** The state of a login whose own state is used up. No request can present an empty one. */
const spent = "";
/** How long the exchange of its code may take. */
const takenMs = 60_000;

const facts = ({ id, ownerId, provider }: Pick<Connection, "id" | "ownerId" | "provider">) => ({
  connectionId: id,
  ownerId,
  provider,
});

/** Forgets the credentials, and a login that goes on. */
function idle(
  { id, ownerId, provider, connectedAt, accounts, version }: Connection,
  status: IdleConnection["status"],
): IdleConnection {
  return { id, ownerId, provider, connectedAt, accounts, version, status };
}

export const Connection = {
  /** Whether accounts are of the customer whose accounts are `known`: they may open some, and close others. */
  areOfSame: (known: readonly ExternalId[], accounts: readonly ExternalId[]): boolean =>
    known.length === 0 || known.some((one) => accounts.includes(one)),

  open: (opening: Opening): Changed<ActiveConnection> => ({
    state: { ...opening, status: "active", version: Version.none },
    events: [ConnectionActivated(facts(opening))],
  }),

  /** Waits for its owner to sign in at the provider. */
  request: (requested: Requested & { readonly login: OpenLogin }): Changed<IdleConnection> => ({
    state: { ...requested, accounts: [], status: "pending", version: Version.none },
    events: [LoginBegun(facts(requested))],
  }),

  /** Lets the owner sign in again. A login that was begun before has ended. */
  beginLogin: (connection: Connection, login: OpenLogin): Result<Changed, ConnectionNotReady> =>
    connection.status === "disconnected"
      ? err({ type: "connection-not-ready", status: connection.status })
      : ok({ state: { ...connection, login }, events: [LoginBegun(facts(connection))] }),

  /** Uses up the state of a login that has come back from the provider. */
  takeLogin(
    connection: Connection,
    { state, session, at }: Pick<OpenLogin, "state" | "session"> & { readonly at: Instant },
  ): Result<Changed, LoginUnknown> {
    const { login } = connection;
    if (login?.state !== state || login.session !== session || login.until <= at)
      return err({ type: "login-unknown" });
    const taken = { ...login, state: spent, until: Instant.plus(at, takenMs) };
    return ok({
      state: { ...connection, login: taken },
      events: [LoginReturned({ connectionId: connection.id })],
    });
  },

  /** Goes on with other credentials, which open accounts of before, or some that were `synced` since. */
  reconnect(
    connection: Connection,
    { credentials, accounts, loginUntil }: Opened,
    synced: readonly ExternalId[] = [],
  ): Result<Changed<ActiveConnection>, ConnectionNotReady | OtherAccount> {
    if (connection.status === "disconnected")
      return err({ type: "connection-not-ready", status: connection.status });
    if (!Connection.areOfSame([...connection.accounts, ...synced], accounts))
      return err({ type: "other-account" });
    return ok({
      state: {
        ...idle(connection, "pending"),
        accounts,
        status: "active",
        credentials,
        ...(loginUntil === undefined ? {} : { loginUntil }),
      },
      events: [ConnectionActivated(facts(connection))],
    });
  },

  /** Fails a pending connection whose login has come to nothing. A login that was begun since stays open, and an active connection stays active. */
  failLogin(connection: Connection, at: Instant): Changed {
    const { status, login } = connection;
    const isOpen = login !== undefined && login.state !== spent && login.until > at;
    if (status !== "pending" || isOpen) return unchanged(connection);
    return { state: idle(connection, "failed"), events: [ConnectionFailed(facts(connection))] };
  },

  /** The login ends soon. */
  warn: (connection: ActiveConnection & { readonly loginUntil: Instant }): Changed => ({
    state: { ...connection, isWarned: true },
    events: [LoginEnding({ ...facts(connection), until: connection.loginUntil })],
  }),

  /** The login has ended. */
  expire: (connection: ActiveConnection): Changed => ({
    state: idle(connection, "expired"),
    events: [ConnectionExpired(facts(connection))],
  }),

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
