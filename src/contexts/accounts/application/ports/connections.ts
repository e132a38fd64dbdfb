import type { Instant } from "#kernel/instant.ts";
import type { Saves } from "#kernel/repository.ts";
import type { ActiveConnection, Connection, Sealed } from "../../domain/connection.ts";
import type { AccountsEvent } from "../../domain/events.ts";
import type { ConnectionId, OwnerId, SyncId } from "../../domain/ids.ts";
import type { ExternalId } from "../../domain/observation.ts";
import type { Fetching, FetchingSync, MatchingSync, Sync } from "../../domain/sync.ts";

/** Port: seals credentials for one connection, and opens them. */
export type CredentialSealing = {
  readonly seal: (plain: string, id: ConnectionId) => Sealed;
  /** Undefined where it was sealed for another connection; throws where its key is not at hand. */
  readonly open: (sealed: Sealed, id: ConnectionId) => string | undefined;
  /** Whether it is sealed under an older key. */
  readonly isOld: (sealed: Sealed) => boolean;
};

/** What the next sync of a connection begins with, and when it is due. */
export type Schedule = {
  readonly nextSyncAt: Instant;
  readonly syncedUntil?: Instant;
  /** The accounts whose history is known. */
  readonly syncedAccounts?: readonly ExternalId[];
};

export type Connections = Saves<Connection, AccountsEvent> & {
  readonly byId: (id: ConnectionId) => Promise<Connection | undefined>;
  /** How many an owner has that are not disconnected. */
  readonly live: (ownerId: OwnerId) => Promise<number>;
  /** Connections of one owner, newest first. */
  readonly page: (page: {
    readonly ownerId: OwnerId;
    readonly before?: ConnectionId | undefined;
    readonly limit: number;
  }) => Promise<readonly Connection[]>;
  /** Seals credentials anew, unless they have changed. */
  readonly reseal: (id: ConnectionId, before: Sealed, after: Sealed) => void;
  readonly scheduled: (id: ConnectionId) => Promise<Schedule | undefined>;
  /** Without `syncedUntil` what is known of it stays. */
  readonly schedule: (id: ConnectionId, schedule: Schedule) => void;
  /** Active connections whose login has ended at `at`, or ends before `soon` and was not warned of; and pending ones whose login has expired. */
  readonly ending: (times: {
    readonly at: Instant;
    readonly soon: Instant;
    readonly limit: number;
  }) => Promise<readonly Connection[]>;
  /** Active ones whose next sync is due and that are not being synced. */
  readonly due: (at: Instant, limit: number) => Promise<readonly ActiveConnection[]>;
};

export type Syncs = Saves<Sync, AccountsEvent> & {
  readonly byId: (id: SyncId) => Promise<Sync | undefined>;
  /** The sync of a connection that goes on: there is one at most. */
  readonly running: (id: ConnectionId) => Promise<Sync | undefined>;
  /** Syncs of one connection, newest first. */
  readonly page: (page: {
    readonly connectionId: ConnectionId;
    readonly before?: SyncId | undefined;
    readonly limit: number;
  }) => Promise<readonly Sync[]>;
  /** Of each owner the one that may go on now and has waited longest, besides some. */
  readonly unfinished: (
    at: Instant,
    limit: number,
    besides: readonly SyncId[],
  ) => Promise<readonly (FetchingSync | MatchingSync)[]>;
  /** Keeps how far a sync is. */
  readonly keep: (id: SyncId, fetching: Fetching) => void;
};
