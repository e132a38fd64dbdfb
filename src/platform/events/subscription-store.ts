import type { Recorded } from "#kernel/event.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Version } from "#kernel/version.ts";

/**
 * The last position of a log that was drawn, and up to where no event can appear any more. What
 * committed before the answer is there for a read that begins after it.
 */
export type Horizon = { readonly head: number; readonly horizon: number };

/**
 * The last event up to a horizon: no other one can appear before it. While the log has it, all that was
 * read before is there; a log that was restored has another event in its place, or none.
 */
export type Mark = { readonly position: number; readonly id: string };

/** How far a log can be read: never less far than it was, while it is the same. `mark` is missing where the log is empty. */
export type Look = {
  readonly head: number;
  readonly mark?: Mark;
  /** Whether the log has the event that was the last one before. */
  readonly isSame: boolean;
};

/** Each stream of a log belongs to one of so many slots, for ever; processes divide the slots. */
export const slotCount = 64;

/** A slot that a process holds, and where it stands. */
export type Held = {
  readonly slot: number;
  /** Goes up with every new holder. */
  readonly token: number;
  /** How often the slot has been committed; the next commit must be the next one. */
  readonly commits: number;
  /** Every event of the slot up to here is handled, or its stream is parked. */
  readonly position: number;
};

/** A slot as it was, and where it stands after a commit. */
export type Move = { readonly held: Held; readonly to: number };

/** An event and its place in the log. */
export type Taken = { readonly event: Recorded; readonly position: number; readonly slot: number };

/** A stream apart from the others: one of its events is being handed over, or has failed. */
export type ParkedStream = {
  readonly stream: string;
  readonly slot: number;
  /** The event at which the stream stands; later ones wait behind it. */
  readonly version: Version;
  readonly eventId: string;
  readonly eventType: string;
  readonly correlationId: string;
  /** A dead stream waits for a person: its event is a dead letter. */
  readonly state: "claimed" | "retrying" | "dead";
  /** At this event, the one under way included. */
  readonly attempts: number;
  /** When a retrying stream is due. */
  readonly retryAt?: Instant;
  /** When this event was first tried. */
  readonly since: Instant;
  readonly error?: string;
  /** Whether it failed for something that all events need. */
  readonly isOutage: boolean;
};

/** A parked stream to try again: its event, if the log has it, and whether another one follows. */
export type Due = {
  readonly parked: ParkedStream;
  readonly event?: Recorded;
  readonly next?: Recorded;
};

/** Parked streams to try again, and when the next one will be. */
export type DueStreams = { readonly due: readonly Due[]; readonly nextAt?: Instant };

/** The declaration of a process that is about to stop: it keeps its slots and takes no more. */
export const leaving = "";

/** A process that reads a subscription. */
export type Member = {
  readonly process: string;
  /** Which events its code knows and handles. */
  readonly declaration: string;
  /** Without a sign of life for so long, it loses its slots. */
  readonly leaseMs: number;
  /** An event that its code does not know, before which it waits. */
  readonly waitsAt?: string;
};

/** The start of a new subscription of a log. */
export type Beginning = {
  readonly name: string;
  readonly declaration: string;
  /** Whether it begins at the end of a log that others read already. */
  readonly atEnd: boolean;
};

/** The slots of a process, and how many it should have. */
export type Share = { readonly held: readonly Held[]; readonly fair: number };

/** Events of some slots after a position and up to another, at most `limit`, in order. */
export type Range = {
  readonly slots: readonly number[];
  readonly after: number;
  readonly until: number;
  readonly limit: number;
};

/** The progress that is committed together with the effects of events. */
export type Progress = {
  /** The slots of all that is committed. */
  readonly moves: readonly Move[];
  readonly park: readonly ParkedStream[];
  /** Streams that have caught up, while they stand where they did. */
  readonly unpark: readonly Pick<ParkedStream, "stream" | "version">[];
};

/** The scope of one event's handler. Its writes are collected and leave with the commit. */
export type Work<Scope> = {
  readonly scope: Scope;
  /** Throws why a read has failed, where the handler has swallowed it. */
  readonly check: () => void;
  /** Refuses reads and writes of a handler after its time. */
  readonly close: () => void;
};

/**
 * What this reader was about to commit was not: another process holds the slot now, an earlier commit
 * of its own arrived without its knowing, or the log was restored. It must begin from what is kept.
 */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/** Another transaction changed the same thing in between: the events are handled again at once. */
export class LostRace extends Error {
  override readonly name = "LostRace";
}

/** Port: how one subscription reads its log and remembers how far it is. */
export type SubscriptionStore<Scope> = {
  /** A sign of life. */
  readonly beat: (member: Member) => Promise<void>;
  /**
   * A sign of life; claims free slots up to a fair share, which is none while a process with a
   * newer declaration lives. Answers all slots that the process holds now.
   */
  readonly share: (member: Member) => Promise<Share>;
  /** Gives slots back. */
  readonly release: (process: string, slots: readonly number[]) => Promise<void>;
  /** Gives all slots back, so that others need not wait for the lease to end. */
  readonly leave: (process: string) => Promise<void>;
  /** How far the log can be read, and whether it still is the one that was looked at before. */
  readonly look: (before: Mark | undefined) => Promise<Look>;
  readonly read: (range: Range) => Promise<readonly Taken[]>;
  /**
   * The parked streams of slots that were just taken. What was claimed there is due again, or dead after
   * `maxAttempts`, but for the streams that this process is working on.
   */
  readonly adopt: (
    slots: readonly number[],
    options: {
      readonly now: Instant;
      readonly running: readonly string[];
      readonly maxAttempts: number;
    },
  ) => Promise<readonly ParkedName[]>;
  /** Retrying streams of these slots but for some, those that are due first, at most `limit`. */
  readonly due: (
    held: readonly Held[],
    options: { readonly now: Instant; readonly except: readonly string[]; readonly limit: number },
  ) => Promise<DueStreams>;
  /**
   * Opens the ports for the effects of an event, which is then their cause. A handler reads what
   * was committed until then; `settle` commits the effects of the events before it first.
   */
  readonly open: (cause: Recorded, settle: () => Promise<void>) => Promise<Work<Scope>>;
  /**
   * Commits effects and progress in one transaction, while the log has the last event up to which the
   * reader has looked. Throws `LeaseLost` and `LostRace`.
   */
  readonly commit: (
    progress: Progress,
    works: readonly Work<Scope>[],
    mark?: Mark,
  ) => Promise<void>;
};

export type ParkedName = { readonly stream: string; readonly slot: number };
