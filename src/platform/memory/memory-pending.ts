import type { Event, Recorded } from "#kernel/event.ts";
import type { Version } from "#kernel/version.ts";
import type { Announced } from "../events/record.ts";
import type { Redaction } from "../events/redact.ts";
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
};

/** Collects the changes of a unit of work. */
export class MemoryPending {
  readonly changes: (() => Changed)[] = [];
  readonly announced: Announced[] = [];
  readonly redactions: { readonly streams: ReadonlySet<string>; readonly redaction: Redaction }[] =
    [];
  readonly #log: () => readonly Recorded[];
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
    eventsOf: (stream) => this.#log().filter((event) => event.stream === stream),
  };

  constructor(log: () => readonly Recorded[]) {
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
