import { isSameRequest, type Context } from "#kernel/context.ts";
import type { Event, Recorded } from "#kernel/event.ts";
import { err, type Result } from "#kernel/result.ts";
import type { Conflict, LockOptions, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import type { Version } from "#kernel/version.ts";
import { entryOf, matches, type Audit, type AuditEntry } from "../audit/audit.ts";
import { record, type Announced, type Recorder } from "../events/record.ts";
import { IdempotencyKeyReused } from "../idempotency.ts";
import { fromText, toText } from "../json.ts";

/**
 * Rows by key. `unique` names what no two rows may share; undefined shares nothing. `onPut`: what a
 * trigger is in Postgres.
 */
export class MemoryTable<Row> {
  readonly rows = new Map<string, Row>();
  readonly unique: (row: Row) => string | undefined;
  readonly #keys = new Map<string, string>();
  readonly #onPut: (after: Row | undefined, before: Row | undefined) => void;

  constructor(
    unique: (row: Row) => string | undefined = () => undefined,
    onPut: (after: Row | undefined, before: Row | undefined) => void = () => {},
  ) {
    this.unique = unique;
    this.#onPut = onPut;
  }

  /** The row with this unique value. */
  find(value: string): Row | undefined {
    const key = this.#keys.get(value);
    return key === undefined ? undefined : this.rows.get(key);
  }

  clashes(key: string, row: Row): boolean {
    const value = this.unique(row);
    const holder = value === undefined ? undefined : this.#keys.get(value);
    return holder !== undefined && holder !== key;
  }

  /** Answers how to take it back. */
  put(key: string, row: Row): () => void {
    const before = this.rows.get(key);
    this.#set(key, row);
    return () => this.#set(key, before);
  }

  #set(key: string, row: Row | undefined): void {
    const before = this.rows.get(key);
    const old = before && this.unique(before);
    if (old !== undefined) this.#keys.delete(old);
    const value = row && this.unique(row);
    if (value !== undefined) this.#keys.set(value, key);
    if (row === undefined) this.rows.delete(key);
    else this.rows.set(key, row);
    this.#onPut(row, before);
  }
}

type Put = { readonly clashes: () => boolean; readonly apply: () => () => void };

/** What a memory repository works with: the twin of the Postgres transaction. */
export type MemoryTransaction = {
  readonly put: <Row>(table: MemoryTable<Row>, key: string, row: Row) => void;
  readonly append: (stream: string, version: Version, events: readonly Event[]) => void;
};

/** Builds the ports of a context on a transaction. */
export type MemoryScope<Scope> = (transaction: MemoryTransaction) => Scope;

/** What one unit of work saves, and on whose behalf. */
export type MemoryPart = { readonly context: Context; readonly pending: MemoryPending };

type Outcome = Result<unknown, unknown>;
type Answer = { readonly fingerprint: string; readonly outcome: string };

/** The log, the idempotency keys and the locks of one context, in memory. */
export class MemoryStore {
  readonly log: Recorded[] = [];
  readonly entries: AuditEntry[] = [];
  readonly #recorder: Recorder;
  readonly #onAppended: (types: ReadonlySet<string>) => void;
  readonly #versions = new Map<string, number>();
  readonly #answers = new Map<string, Answer>();
  readonly #locks = new Map<string, Promise<void>>();

  constructor(recorder: Recorder, onAppended: (types: ReadonlySet<string>) => void = () => {}) {
    this.#recorder = recorder;
    this.#onAppended = onAppended;
  }

  units<Scope>(scope: MemoryScope<Scope>): {
    readonly unitOfWork: UnitOfWork<Scope>;
    readonly read: Read<Scope>;
  } {
    return {
      read: (_context, query) => query(scope(new MemoryPending().transaction)),
      unitOfWork: (context, work, options) => this.#work(context, scope, work, options),
    };
  }

  get audit(): Audit {
    return {
      enter: async (entry) => void this.entries.push(entry),
      page: async (filter, { before = Number.POSITIVE_INFINITY, limit }) =>
        this.entries
          .map((entry, i) => ({ ...entry, position: i + 1 }))
          .filter((entry) => entry.position < before && matches(entry, filter))
          .toReversed()
          .slice(0, limit),
    };
  }

  /** Commits what was collected, all or nothing; false when a row or a stream has moved on. */
  commit(...parts: readonly MemoryPart[]): boolean {
    const puts = parts.flatMap(({ pending }) => pending.puts);
    if (this.#haveMoved(parts) || !applied(puts)) return false;

    for (const { context, pending } of parts) {
      for (const event of record(this.#recorder, context, pending.announced)) {
        this.log.push(structuredClone(event));
        this.#versions.set(event.stream, event.version);
      }
      this.#enter(context, pending);
    }
    const announced = parts.flatMap(({ pending }) => pending.announced);
    if (announced.length > 0)
      this.#onAppended(new Set(announced.flatMap(({ events }) => events.map(({ type }) => type))));
    return true;
  }

  #enter(context: Context, { announced }: MemoryPending): void {
    if (context.operation === undefined || announced.length === 0) return;
    const targets = [...new Set(announced.map(({ stream }) => stream))];
    const at = this.#recorder.clock.now();
    this.entries.push(entryOf(context, { at, outcome: "ok", targets }));
  }

  #haveMoved(parts: readonly MemoryPart[]): boolean {
    const versions = new Map<string, number>();
    for (const { stream, version, events } of parts.flatMap(({ pending }) => pending.announced)) {
      const current = versions.get(stream) ?? this.#versions.get(stream) ?? 0;
      if (current !== version) return true;
      versions.set(stream, version + events.length);
    }
    return false;
  }

  async #work<Scope, R extends Outcome>(
    context: Context,
    scope: MemoryScope<Scope>,
    work: (scope: Scope) => Promise<R>,
    { lock = [] }: LockOptions = {},
  ): Promise<R | ReturnType<typeof conflict>> {
    const first = this.#answered(context) as R | undefined;
    if (first) return first;

    const unlock = await this.#lockAll([...new Set(lock)].toSorted());
    try {
      const pending = new MemoryPending();
      const outcome = await work(scope(pending.transaction));
      const racing = this.#answered(context) as R | undefined;
      if (racing) return racing;
      if (!outcome.ok) return outcome;
      if (!this.commit({ context, pending })) return conflict();
      this.#remember(context, outcome);
      return outcome;
    } finally {
      unlock();
    }
  }

  #answered({ actor, idempotency }: Context): unknown {
    if (!idempotency) return undefined;
    const stored = this.#answers.get(JSON.stringify([actor, idempotency.key]));
    if (!stored) return undefined;
    if (!isSameRequest(idempotency, stored.fingerprint)) throw new IdempotencyKeyReused();
    return fromText(stored.outcome);
  }

  #remember({ actor, idempotency }: Context, outcome: Outcome): void {
    if (!idempotency) return;
    const { key, fingerprint } = idempotency;
    const answer = { fingerprint, outcome: toText(outcome) };
    this.#answers.set(JSON.stringify([actor, key]), answer);
  }

  async #lockAll(names: readonly string[]): Promise<() => void> {
    const released = Promise.withResolvers<void>();
    for (const name of names) {
      const before = this.#locks.get(name);
      this.#locks.set(name, before ? before.then(() => released.promise) : released.promise);
      await before;
    }
    return released.resolve;
  }
}

/** Applies changes in order, all or nothing. */
function applied(puts: readonly Put[]): boolean {
  const undo: (() => void)[] = [];
  for (const { clashes, apply } of puts) {
    if (clashes()) {
      for (const takeBack of undo.toReversed()) takeBack();
      return false;
    }
    undo.push(apply());
  }
  return true;
}

const conflict = () => err<Conflict>({ type: "conflict" });

/** Collects what a unit of work saves. */
export class MemoryPending {
  readonly puts: Put[] = [];
  readonly announced: Announced[] = [];
  #isOpen = true;
  readonly transaction: MemoryTransaction = {
    put: (table, key, row) => {
      this.#check();
      this.puts.push({
        clashes: () => table.clashes(key, row),
        apply: () => table.put(key, row),
      });
    },
    append: (stream, version, events) => {
      this.#check();
      this.announced.push({ stream, version, events });
    },
  };

  close(): void {
    this.#isOpen = false;
  }

  #check(): void {
    if (!this.#isOpen) throw new Error("the handler has ended: its writes are refused");
  }
}
