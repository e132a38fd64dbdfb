import type { Change } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import { Version, type Versioned } from "#kernel/version.ts";
import {
  SyncAttempted,
  SyncFailed,
  SyncFetched,
  SyncPartiallySucceeded,
  SyncSucceeded,
  type AccountsEvent,
} from "./events.ts";
import type { ConnectionId, ImportId, OwnerId, SyncId } from "./ids.ts";
import type { FailureReason, ProviderId } from "./provider.ts";
import type { Tally } from "./statement-import.ts";

/** How far a sync is. `cursor`: where its next page begins, in words of the provider's adapter. */
export type Fetching = {
  readonly cursor?: string;
  readonly pages: number;
  readonly rows: number;
  /** Failures in a row. */
  readonly tries: number;
  readonly nextTryAt: Instant;
  /** Why the last try failed. */
  readonly waitsFor?: FailureReason;
};

type AnySync = Versioned & {
  readonly id: SyncId;
  readonly connectionId: ConnectionId;
  readonly ownerId: OwnerId;
  readonly provider: ProviderId;
  /** What becomes of its rows. */
  readonly importId: ImportId;
  /** What was created at the provider since then, until then. */
  readonly from: Instant;
  readonly until: Instant;
  readonly startedAt: Instant;
  readonly fetching: Fetching;
};
export type FetchingSync = AnySync & { readonly status: "fetching" };
/** All has been fetched, or as much as the provider gave: `reason` says why it is not all. */
export type MatchingSync = AnySync & {
  readonly status: "matching";
  readonly reason?: FailureReason;
};
export type EndedSync = AnySync & {
  readonly status: "succeeded" | "partially-succeeded" | "failed";
  readonly reason?: FailureReason;
  readonly endedAt: Instant;
};
export type Sync = FetchingSync | MatchingSync | EndedSync;

export type SyncNotFound = { readonly type: "sync-not-found"; readonly syncId: SyncId };

type Changed<S extends Sync> = Change<S, AccountsEvent>;
type Attempted = Omit<FetchingSync, "version" | "status" | "fetching">;

const because = (reason: FailureReason | undefined) => (reason === undefined ? {} : { reason });

function ended(
  sync: FetchingSync | MatchingSync,
  { status, reason, endedAt }: Pick<EndedSync, "status" | "reason" | "endedAt">,
): Changed<EndedSync> {
  const { id: syncId, connectionId, fetching } = sync;
  const facts = { syncId, connectionId, rows: fetching.rows, ...because(reason) };
  const said = {
    succeeded: SyncSucceeded,
    "partially-succeeded": SyncPartiallySucceeded,
    failed: SyncFailed,
  }[status](facts);
  return { state: { ...sync, status, ...because(reason), endedAt }, events: [said] };
}

export const Sync = {
  attempt(attempted: Attempted): Changed<FetchingSync> {
    const { id: syncId, connectionId, importId, from, until, startedAt } = attempted;
    return {
      state: {
        ...attempted,
        status: "fetching",
        fetching: { pages: 0, rows: 0, tries: 0, nextTryAt: startedAt },
        version: Version.none,
      },
      events: [SyncAttempted({ syncId, connectionId, importId, from, until })],
    };
  },

  /** What was fetched is matched from now on. */
  fetched(sync: FetchingSync, reason?: FailureReason): Changed<MatchingSync> {
    const { pages, rows } = sync.fetching;
    return {
      state: { ...sync, status: "matching", ...because(reason) },
      events: [SyncFetched({ syncId: sync.id, pages, rows })],
    };
  },

  /** Every row has its outcome. */
  matched(sync: MatchingSync, tally: Tally, at: Instant): Changed<EndedSync> {
    const isWhole = sync.reason === undefined && tally.quarantined === 0;
    return ended(sync, {
      status: isWhole ? "succeeded" : "partially-succeeded",
      endedAt: at,
      ...because(sync.reason),
    });
  },

  /** Nothing was fetched. */
  fail: (sync: FetchingSync | MatchingSync, reason: FailureReason, at: Instant) =>
    ended(sync, { status: "failed", reason, endedAt: at }),
};
