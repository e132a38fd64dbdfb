import type { Recorded } from "#kernel/event.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Version } from "#kernel/version.ts";

/**
 * A place in the log. Transaction ids restart when a dump is restored, so the epoch leads; within
 * an epoch, (transaction id, position) below the oldest running transaction is final.
 */
export type Checkpoint = {
  readonly epoch: number;
  /** An xid8, as decimal text. */
  readonly transactionId: string;
  readonly position: number;
};

export const beginning: Checkpoint = { epoch: 0, transactionId: "0", position: 0 };

/** The right to read one partition, until somebody with a higher token takes it. */
export type Lease = {
  readonly partition: number;
  readonly token: number;
  /** How often the partition has been committed; the next commit must be the next one. */
  readonly commits: number;
  readonly checkpoint: Checkpoint;
};

/** An event and the checkpoint of who has read it. */
export type Delivery = { readonly event: Recorded; readonly checkpoint: Checkpoint };

/** A stream that waits behind a failed event. Without `retryAt` it is a dead letter. */
export type ParkedStream = {
  readonly stream: string;
  /** Of the event that failed. */
  readonly version: Version;
  readonly eventId: string;
  readonly eventType: string;
  readonly attempts: number;
  readonly retryAt?: Instant;
  readonly error: string;
  readonly correlationId: string;
};

/** What a step of a subscription leaves behind, together with the effects of its events. */
export type Progress = {
  readonly checkpoint: Checkpoint;
  readonly park?: ParkedStream;
  /** The waiting stream went on to this version, or has caught up. */
  readonly unpark?: { readonly stream: string; readonly next: Version | "caught-up" };
};

/**
 * What this reader was about to commit was not: another process holds the partition now, or an
 * earlier commit of its own arrived without its knowing. It must begin from what is kept.
 */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/** Port: how one subscription reads its log and remembers how far it is. */
export type SubscriptionStore<Scope> = {
  /**
   * Renews the leases of this process, claims free ones up to its fair share and gives back what
   * is over. `held` are the tokens that the process believes to hold. Answers what it holds now.
   */
  readonly share: (
    process: string,
    held: readonly Lease[],
    leaseMs: number,
  ) => Promise<readonly Lease[]>;
  /** Events of a partition after its checkpoint, at most `limit`, in order. */
  readonly read: (lease: Lease, limit: number) => Promise<readonly Delivery[]>;
  /** Events of a waiting stream from `version` on that the partition has passed. */
  readonly readStream: (
    lease: Lease,
    stream: string,
    version: Version,
    limit: number,
  ) => Promise<readonly Recorded[]>;
  /** The streams of a partition that wait. */
  readonly parked: (lease: Lease) => Promise<readonly ParkedStream[]>;
  /**
   * Commits effects and progress in one transaction. Throws `LeaseLost`. The effects of each event
   * run on a scope of their own, so that what they announce names it as the cause.
   */
  readonly commit: (
    lease: Lease,
    progress: Progress,
    effects: (open: (cause: Recorded) => Scope) => Promise<void>,
  ) => Promise<void>;
  /** Gives all leases of a process back, so that others need not wait for them to end. */
  readonly leave: (process: string) => Promise<void>;
};
