import { isSameRequest, type Context } from "#kernel/context.ts";
import type { Recorded } from "#kernel/event.ts";
import { err, type Result } from "#kernel/result.ts";
import type { Conflict, LockOptions, UnitsOfWork } from "#kernel/unit-of-work.ts";
import { entryOf, type Audit, type AuditEntry } from "#kernel/audit.ts";
import { memoryAudit } from "../audit/memory-audit.ts";
import { redacted } from "../events/redact.ts";
import { record, type Recorder } from "../events/record.ts";
import type { Horizon, Look, Mark } from "../events/subscription-store.ts";
import { IdempotencyKeyReused, refuseSecond, settle } from "../idempotency.ts";
import { fromText, toText } from "../json.ts";
import { within, type Timers } from "../runtime.ts";
import { Unavailable } from "../unavailable.ts";
import { throughJson } from "./kept.ts";
import { MemoryPending, type MemoryTransaction } from "./memory-pending.ts";
import type { Changed } from "./memory-table.ts";
import { readingAfter } from "./reading.ts";

/** Builds the ports of a context on a transaction. */
export type MemoryScope<Scope> = (transaction: MemoryTransaction) => Scope;

/** The changes of one unit of work, and its context. */
export type MemoryPart = { readonly context: Context; readonly pending: MemoryPending };

/** A part that is stored beside rows and events in the same commit. */
export type Beside = {
  /** Names that this commit locks: other commits with one of them wait. */
  readonly touched: readonly string[];
  /** Called under the locks; may throw. */
  readonly mayCommit: () => boolean;
  readonly apply: () => void;
};

/**
 * What lies between a process and its database: others run meanwhile. Where one of these throws, the
 * connection has broken there.
 */
export type Seams = {
  readonly reading: () => Promise<void>;
  /** Positions are drawn and rows locked, but invisible to others. A throw rolls back. */
  readonly committing: () => Promise<void>;
  /** All see it, and the answer is on its way: after a throw, the caller does not know. */
  readonly answering: () => Promise<void>;
};

const pass = async () => {};
const noSeams: Seams = { reading: pass, committing: pass, answering: pass };

type Outcome = Result<unknown, unknown>;
/** Hears the types of the events of each commit. */
export type OnAppended = (types: ReadonlySet<string>) => void;
type UnitOn<Scope> = { readonly scope: MemoryScope<Scope>; readonly onAppended: OnAppended };
type Answer = { readonly fingerprint: string; readonly outcome: string };
type UnderWay = {
  readonly touched: ReadonlySet<string>;
  /** The position of its first event, if it has one. */
  readonly first: number;
  readonly events: number;
  readonly ended: Promise<void>;
  readonly end: () => void;
};
type Attempt = { readonly touched: readonly string[]; readonly isRefused: boolean };

/** The log, the idempotency keys and the locks of one context, in memory. */
export class MemoryStore {
  readonly entries: AuditEntry[];
  readonly #recorder: Recorder & { readonly timers: Timers };
  readonly #seams: Seams;
  /** All events by position; some positions were drawn in vain. */
  readonly #log: (Recorded | undefined)[] = [undefined];
  #head = 0;
  readonly #versions = new Map<string, number>();
  readonly #answers = new Map<string, Answer>();
  readonly #locks = new Map<string, Promise<void>>();
  readonly #underWay = new Set<UnderWay>();

  /** `entries`: of the audit, which several contexts may share. */
  constructor(
    recorder: Recorder & { readonly timers: Timers },
    seams: Partial<Seams> = {},
    entries: AuditEntry[] = [],
  ) {
    this.#recorder = recorder;
    this.#seams = { ...noSeams, ...seams };
    this.entries = entries;
  }

  /** All events that are committed, by position. */
  get events(): readonly Recorded[] {
    return this.#log.filter((event) => event !== undefined);
  }

  at(position: number): Recorded | undefined {
    return this.#log[position];
  }

  /** How far it can be read, and whether it has the event that was the last one before. */
  look(before: Mark | undefined): Look {
    const { head, horizon } = this.#horizon;
    const last = this.#log.findLastIndex((event, i) => event !== undefined && i <= horizon);
    const id = this.#log[last]?.id;
    const isSame = before === undefined || this.#log[before.position]?.id === before.id;
    return { head, isSame, ...(id === undefined ? {} : { mark: { position: last, id } }) };
  }

  get #horizon(): Horizon {
    const drawn = [...this.#underWay].filter(({ events }) => events > 0);
    const before = drawn.map(({ first }) => first - 1);
    return { head: this.#head, horizon: Math.min(this.#head, ...before) };
  }

  /** Whether a commit that touches it is under way. */
  isUnderWay(name: string): boolean {
    return [...this.#underWay].some(({ touched }) => touched.has(name));
  }

  units<Scope>(scope: MemoryScope<Scope>, onAppended: OnAppended = () => {}): UnitsOfWork<Scope> {
    return {
      read: (context, query) => query(this.#open(scope, new MemoryPending(this), context)),
      unitOfWork: (context, work, options) =>
        this.#work(context, { scope, onAppended }, work, options),
    };
  }

  /** The ports of a context, whose reads are those of a process with a connection. */
  readingScope<Scope>(
    scope: MemoryScope<Scope>,
    pending: MemoryPending,
    before: () => Promise<void>,
  ): Scope {
    const reading = async () => {
      await before();
      await this.#seams.reading();
    };
    return readingAfter(reading, scope(pending.transaction));
  }

  get audit(): Audit {
    return memoryAudit(this.entries, this.#recorder.clock);
  }

  /** Commits all collected changes or none; false when a row or a stream has moved on. */
  async commit(
    parts: readonly MemoryPart[],
    beside: readonly Beside[],
    onAppended: OnAppended,
  ): Promise<boolean> {
    const changes = parts.flatMap(({ pending }) => pending.changes);
    const events = parts.flatMap(({ context, pending }) =>
      record(this.#recorder, context, pending.announced).map(throughJson),
    );
    const names = [
      ...events.map(({ stream }) => `stream ${stream}`),
      ...beside.flatMap(({ touched }) => touched),
    ];
    const claim = await this.#claim(events.length, () => {
      const tried = attempt(changes);
      const mayCommit = beside.every(({ mayCommit: may }) => may()) && !this.#haveMoved(parts);
      return { touched: [...names, ...tried.touched], isRefused: tried.clashes || !mayCommit };
    });
    if (!claim) return false;
    try {
      await this.#seams.committing();
      for (const change of changes) change().tell();
      for (const [i, event] of events.entries()) {
        this.#log[claim.first + i] = event;
        this.#versions.set(event.stream, event.version);
      }
      for (const { context, pending } of parts) {
        this.#redact(pending);
        this.#enter(context, pending);
      }
      for (const { apply } of beside) apply();
    } finally {
      this.#underWay.delete(claim);
      claim.end();
    }
    if (events.length > 0) onAppended(new Set(events.map(({ type }) => type)));
    await this.#seams.answering();
    return true;
  }

  /**
   * Draws positions, and keeps others from what the commit touches, once no commit under way touches
   * it; undefined where it is refused.
   */
  async #claim(events: number, attempted: () => Attempt): Promise<UnderWay | undefined> {
    for (;;) {
      const { touched, isRefused } = attempted();
      const other = [...this.#underWay].find((one) => touched.some((it) => one.touched.has(it)));
      if (!other && isRefused) return undefined;
      if (!other) return this.#begin(events, touched);
      await other.ended;
    }
  }

  #begin(events: number, touched: readonly string[]): UnderWay {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const claim = { touched: new Set(touched), first: this.#head + 1, events, ended, end };
    this.#head += events;
    this.#underWay.add(claim);
    return claim;
  }

  #redact({ redactions }: MemoryPending): void {
    for (const { streams, redaction } of redactions)
      for (const [i, event] of this.#log.entries())
        if (event && streams.has(event.stream))
          this.#log[i] = { ...event, payload: redacted(event.payload as object, redaction) };
  }

  #enter(context: Context, { announced }: MemoryPending): void {
    if (context.operation === undefined || announced.length === 0) return;
    const targets = [...new Set(announced.map(({ stream }) => stream))];
    const now = this.#recorder.clock.now();
    this.entries.push({ ...entryOf(context, { outcome: "ok", targets }), at: now });
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

  #open<Scope>(scope: MemoryScope<Scope>, pending: MemoryPending, context: Context): Scope {
    return this.readingScope(scope, pending, async () => this.#checkTime(context));
  }

  async #work<Scope, R extends Outcome>(
    context: Context,
    { scope, onAppended }: UnitOn<Scope>,
    work: (scope: Scope) => Promise<R>,
    { lock = [] }: LockOptions = {},
  ): Promise<R | ReturnType<typeof conflict>> {
    refuseSecond(context.idempotency);
    const first = (await this.#answered(context)) as R | undefined;
    if (first) return first;

    const unlock = await this.#lockAll([...new Set(lock)].toSorted(), context);
    try {
      const pending = new MemoryPending(this);
      const outcome = await work(this.#open(scope, pending, context));
      if (outcome.ok && (await this.#save({ context, pending }, outcome, onAppended))) {
        settle(context.idempotency);
        return outcome;
      }
      const racing = (await this.#answered(context)) as R | undefined;
      return racing ?? (outcome.ok ? conflict() : outcome);
    } finally {
      unlock();
    }
  }

  async #save(part: MemoryPart, outcome: Outcome, onAppended: OnAppended): Promise<boolean> {
    const { context, pending } = part;
    if (pending.changes.length > 0 || pending.announced.length > 0 || context.idempotency)
      this.#checkTime(context);
    const answers = context.idempotency ? [this.#answer(context, outcome)] : [];
    return this.commit([part], answers, onAppended);
  }

  async #answered(context: Context): Promise<unknown> {
    const { idempotency } = context;
    if (!idempotency) return undefined;
    this.#checkTime(context);
    await this.#seams.reading();
    const stored = this.#answers.get(keyOf(context));
    if (!stored) return undefined;
    if (!isSameRequest(idempotency, stored.fingerprint)) throw new IdempotencyKeyReused();
    return fromText(stored.outcome);
  }

  #answer(context: Context, outcome: Outcome): Beside {
    const key = keyOf(context);
    const fingerprint = context.idempotency?.fingerprint ?? "";
    const answer = { fingerprint, outcome: toText(throughJson(outcome)) };
    return {
      touched: [`answer ${key}`],
      mayCommit: () => !this.#answers.has(key),
      apply: () => this.#answers.set(key, answer),
    };
  }

  #checkTime({ deadlineMs }: Context): void {
    if (deadlineMs <= this.#recorder.clock.unixMs())
      throw new Unavailable("The deadline of the request has passed", {});
  }

  /** Waits for all names, in their order; answers how to let the next ones in. */
  async #lockAll(names: readonly string[], context: Context): Promise<() => void> {
    const released = Promise.withResolvers<void>();
    if (names.length > 0) this.#checkTime(context);
    try {
      for (const name of names) {
        const before = this.#locks.get(name);
        this.#locks.set(name, before ? before.then(() => released.promise) : released.promise);
        await this.#inTime(context, before);
      }
    } catch (error) {
      released.resolve();
      throw error;
    }
    return released.resolve;
  }

  async #inTime({ deadlineMs }: Context, waiting: Promise<void> | undefined): Promise<void> {
    if (!waiting) return;
    const withinMs = deadlineMs - this.#recorder.clock.unixMs();
    await within(this.#recorder.timers, withinMs, waiting).catch((cause: unknown) => {
      throw new Unavailable("The lock is held by others", { cause });
    });
  }
}

const keyOf = ({ actor, idempotency }: Context) => JSON.stringify([actor, idempotency?.key]);

/** The names that changes touch, in order, and whether one of them clashes. */
function attempt(changes: readonly (() => Changed)[]): Pick<Changed, "touched" | "clashes"> {
  const made: Changed[] = [];
  for (const change of changes) {
    made.push(change());
    if (made.at(-1)?.clashes) break;
  }
  for (const { undo } of made.toReversed()) undo();
  return {
    touched: made.flatMap(({ touched }) => touched),
    clashes: made.some(({ clashes }) => clashes),
  };
}

const conflict = () => err<Conflict>({ type: "conflict" });
