import type { Event, Recorded } from "#kernel/event.ts";
import type { Version } from "#kernel/version.ts";
import type { Announced } from "../events/record.ts";
import type { Redaction } from "../events/redact.ts";
import type { Look, Mark } from "../events/subscription-store.ts";
import { kept } from "./kept.ts";
import type { Changed, MemoryTable } from "./memory-table.ts";

/** The transaction of a memory repository, the twin of the Postgres transaction. */
export type MemoryTransaction = {
  readonly put: <Row>(table: MemoryTable<Row>, key: string, row: Row) => void;
  /** Changes a row by its value at the commit; undefined removes it. */
  readonly change: <Row>(
    table: MemoryTable<Row>,
    key: string,
    to: (before: Row | undefined) => Row | undefined,
  ) => void;
  readonly append: (stream: string, version: Version, events: readonly Event[]) => void;
  /** Replaces fields of all events in some streams. */
  readonly redact: (streams: readonly string[], redaction: Redaction) => void;
  /** The events of a stream. */
  readonly eventsOf: (stream: string) => readonly Recorded[];
  readonly log: () => MemoryLog;
};

/** The log of a context, as its repositories may read it. */
export type MemoryLog = {
  /** All events that are committed, by position. */
  readonly events: readonly Recorded[];
  readonly at: (position: number) => Recorded | undefined;
  /** How far it can be read, and whether it has the event that was the last one before. */
  readonly look: (before: Mark | undefined) => Look;
};

/** Collects the changes of a unit of work. */
export class MemoryPending {
  readonly changes: (() => Changed)[] = [];
  readonly announced: Announced[] = [];
  readonly redactions: { readonly streams: ReadonlySet<string>; readonly redaction: Redaction }[] =
    [];
  readonly #log: MemoryLog;
  #isOpen = true;
  readonly transaction: MemoryTransaction = {
    put: (table, key, row) => this.transaction.change(table, key, () => row),
    change: (table, key, to) => {
      this.check();
      this.changes.push(() => table.change(key, (before) => kept(to(before))));
    },
    append: (stream, version, events) => {
      this.check();
      this.announced.push({ stream, version, events });
    },
    redact: (streams, redaction) => {
      this.check();
      this.redactions.push({ streams: new Set(streams), redaction });
    },
    eventsOf: (stream) => this.#log.events.filter((event) => event.stream === stream),
    log: () => this.#log,
  };

  constructor(log: MemoryLog) {
    this.#log = log;
  }

  /** Throws where the handler that it is for has ended. */
  check(): void {
    if (!this.#isOpen) throw new Error("the handler has ended: what it still asks is refused");
  }

  close(): void {
    this.#isOpen = false;
  }
}
