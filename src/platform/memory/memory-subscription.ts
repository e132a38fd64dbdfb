import type { Recorded } from "#kernel/event.ts";
import type { Clock, Instant } from "#kernel/instant.ts";
import { maxErrorLength, processEnded } from "../events/failure.ts";
import { causedBy } from "../events/record.ts";
import {
  leaving,
  LeaseLost,
  LostRace,
  slotCount,
  type Due,
  type Held,
  type Member,
  type ParkedStream,
  type Progress,
  type Share,
  type SubscriptionStore,
  type Work,
} from "../events/subscription-store.ts";
import { MemoryPending } from "./memory-pending.ts";
import type { Beside, MemoryPart, MemoryScope, MemoryStore, OnAppended } from "./memory-store.ts";

type Row = {
  readonly slot: number;
  position: number;
  commits: number;
  token: number;
  holder: string | undefined;
};

type Seen = { readonly declaration: string; readonly at: number };

let states = 0;

/** The state that several readers of one subscription share, as Postgres keeps it in tables. */
export class MemorySubscriptionState {
  readonly parked = new Map<string, ParkedStream>();
  readonly #name = `subscription ${(states += 1)}`;
  readonly #rows: readonly Row[];
  readonly #seen = new Map<string, Seen>();
  /** In the order in which they were first made. */
  readonly #declarations: string[] = [];

  /** `position`: where it begins. */
  constructor(position = 0) {
    this.#rows = Array.from({ length: slotCount }, (_, slot) => ({
      slot,
      position,
      commits: 0,
      token: 0,
      holder: undefined,
    }));
  }

  slots(): readonly { readonly holder: string | null; readonly position: number }[] {
    return this.#rows.map(({ holder = null, position }) => ({ holder, position }));
  }

  beat({ process, declaration }: Member, nowMs: number): void {
    if (declaration !== leaving && !this.#declarations.includes(declaration))
      this.#declarations.push(declaration);
    this.#seen.set(process, { declaration, at: nowMs });
  }

  /** `isLocked`: by a commit that is under way. */
  share(member: Member, nowMs: number, isLocked: (name: string) => boolean): Share {
    const { process, leaseMs } = member;
    this.beat(member, nowMs);
    const alive = new Map([...this.#seen].filter(([, { at }]) => Math.abs(nowMs - at) <= leaseMs));
    const newest = this.#declarations.findLast((one) =>
      [...alive.values()].some(({ declaration }) => declaration === one),
    );
    const sharers = [...alive.keys()]
      .filter((one) => alive.get(one)?.declaration === newest)
      .toSorted();
    const rank = sharers.indexOf(process);
    const [each, over] = [Math.floor(slotCount / sharers.length), slotCount % sharers.length];
    const fair = rank === -1 ? 0 : each + (rank < over ? 1 : 0);
    const mine = this.#rows.filter(({ holder }) => holder === process);
    const isOlder = (holder: string) => alive.has(holder) && !sharers.includes(holder) && fair > 0;
    const isBusy = (slot: number) =>
      [...this.parked.values()].some((one) => one.slot === slot && one.state === "claimed");
    const free = this.#rows.filter(({ slot, holder }) => {
      if (holder === process || isLocked(this.#nameOf(slot))) return false;
      if (holder === undefined || !alive.has(holder)) return true;
      return isOlder(holder) && !isBusy(slot);
    });
    for (const row of this.#rows)
      if (row.holder !== undefined && isOlder(row.holder) && isBusy(row.slot))
        if (!isLocked(this.#nameOf(row.slot))) row.commits += 1;
    for (const row of free.slice(0, Math.max(0, fair - mine.length))) {
      row.holder = process;
      row.token += 1;
    }
    const held = this.#rows.filter(({ holder }) => holder === process);
    return {
      held: held.map(({ slot, token, commits, position }) => ({ slot, token, commits, position })),
      fair,
    };
  }

  release(process: string, slots: readonly number[]): void {
    for (const row of this.#rows)
      if (row.holder === process && slots.includes(row.slot)) row.holder = undefined;
  }

  leave(process: string): void {
    this.#seen.delete(process);
    this.release(
      process,
      this.#rows.map(({ slot }) => slot),
    );
  }

  /** Lets all dead letters be tried again, or a stream that waits. */
  replay(now: Instant, only?: string): void {
    for (const [stream, one] of this.parked)
      if (only === undefined ? one.state === "dead" : stream === only && one.state !== "claimed")
        this.parked.set(stream, {
          ...one,
          state: "retrying",
          attempts: 0,
          retryAt: now,
          since: now,
        });
  }

  /** The progress of a reader, which leaves with the effects of its events. */
  progressing({ moves, park, unpark }: Progress): Beside {
    return {
      touched: moves.map(({ held }) => this.#nameOf(held.slot)),
      mayCommit: () => {
        for (const { held } of moves) this.#rowOf(held);
        return true;
      },
      apply: () => {
        for (const { held, to } of moves) {
          const row = this.#rowOf(held);
          row.position = to;
          row.commits += 1;
        }
        for (const one of park) this.parked.set(one.stream, one);
        for (const { stream, version } of unpark)
          if (this.parked.get(stream)?.version === version) this.parked.delete(stream);
      },
    };
  }

  #nameOf(slot: number): string {
    return `${this.#name}, slot ${slot}`;
  }

  /** The row of a slot whose token and count still match. */
  #rowOf({ slot, token, commits }: Held): Row {
    const row = this.#rows[slot];
    if (!row || row.token !== token || row.commits !== commits) throw new LeaseLost(`slot ${slot}`);
    return row;
  }
}

/** Which slot a stream belongs to: FNV-1a, 32 bits. */
function slotOf(stream: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < stream.length; i += 1)
    hash = Math.imul(hash ^ stream.charCodeAt(i), 0x01000193) >>> 0;
  return hash % slotCount;
}

type Options<Scope> = {
  /** The store whose log is read. */
  readonly store: MemoryStore;
  /** The store in whose log effects announce events; the same by default. */
  readonly into?: MemoryStore;
  readonly state: MemorySubscriptionState;
  readonly scope: MemoryScope<Scope>;
  readonly clock: Clock;
  readonly onAppended?: OnAppended;
};

/** Collects the writes of a handler. Its reads run at once, as in a unit of work. */
class MemoryWork<Scope> implements Work<Scope> {
  readonly scope: Scope;
  readonly part: MemoryPart;
  #broken: { readonly error: unknown } | undefined;

  constructor(
    { store, into = store, scope, clock }: Options<Scope>,
    cause: Recorded,
    settle: () => Promise<void>,
  ) {
    const pending = new MemoryPending(into);
    this.part = { context: causedBy(cause, clock), pending };
    const noteFailure = (error: unknown) => {
      this.#broken ??= { error };
      throw error;
    };
    this.scope = into.readingScope(scope, pending, async () => {
      pending.check();
      await settle().catch(noteFailure);
    });
  }

  check(): void {
    if (this.#broken) throw this.#broken.error;
  }

  close(): void {
    this.part.pending.close();
  }
}

/** Claims without a holder are due again, or dead. */
function adopt(
  parked: Map<string, ParkedStream>,
  slots: readonly number[],
  { now, running, maxAttempts }: Parameters<SubscriptionStore<never>["adopt"]>[1],
) {
  const mine = [...parked.values()].filter(({ slot }) => slots.includes(slot));
  for (const one of mine)
    if (one.state === "claimed" && !running.includes(one.stream))
      parked.set(one.stream, {
        ...one,
        error: endedError(one.error),
        ...(one.attempts < maxAttempts ? { state: "retrying", retryAt: now } : { state: "dead" }),
      });
  return mine;
}

const endedError = (before?: string): string =>
  before === undefined || before.startsWith(processEnded)
    ? (before ?? processEnded)
    : `${processEnded}; before it: ${before}`.slice(0, maxErrorLength);

export function memorySubscription<Scope>(options: Options<Scope>): SubscriptionStore<Scope> {
  const { store, into = store, state, clock, onAppended = () => {} } = options;
  const { parked } = state;
  const eventsOf = (stream: string, version: number, until: number) =>
    Array.from({ length: until }, (_, i) => store.at(i + 1) ?? []).flatMap((event) =>
      "stream" in event && event.stream === stream && event.version >= version ? [event] : [],
    );

  return {
    async beat(member) {
      state.beat(member, clock.unixMs());
    },

    async share(member) {
      return state.share(member, clock.unixMs(), (name) => into.isUnderWay(name));
    },

    async release(process, slots) {
      state.release(process, slots);
    },

    async leave(process) {
      state.leave(process);
    },

    look: async (before) => store.look(before),

    async read({ slots, after, until, limit }) {
      const taken = [];
      for (let position = after + 1; position <= until && taken.length < limit; position += 1) {
        const event = store.at(position);
        const slot = event && slotOf(event.stream);
        if (event && slot !== undefined && slots.includes(slot))
          taken.push({ event, position, slot });
      }
      return taken;
    },

    adopt: async (slots, options) => adopt(parked, slots, options),

    async due(held, { now, except, limit }) {
      const positions = new Map(held.map(({ slot, position }) => [slot, position]));
      const retrying = [...parked.values()]
        .filter(({ state: kind, slot }) => kind === "retrying" && positions.has(slot))
        .filter(({ stream }) => !except.includes(stream))
        .toSorted((a, b) => ((a.retryAt ?? now) < (b.retryAt ?? now) ? -1 : 1))
        .slice(0, limit);
      const due = retrying.filter(({ retryAt }) => retryAt !== undefined && retryAt <= now);
      const next = retrying.find(({ retryAt }) => retryAt !== undefined && retryAt > now);
      return {
        due: due.map((one): Due => {
          const until = positions.get(one.slot) ?? 0;
          return toDue(one, eventsOf(one.stream, one.version, until));
        }),
        ...(next?.retryAt === undefined ? {} : { nextAt: next.retryAt }),
      };
    },

    open: async (cause, settle) => new MemoryWork(options, cause, settle),

    async commit(progress, works, mark) {
      const parts = (works as readonly MemoryWork<Scope>[]).map(({ part }) => part);
      const stillRead: Beside = {
        touched: [],
        apply() {},
        mayCommit() {
          if (!store.look(mark).isSame) throw new LeaseLost("the log was restored");
          return true;
        },
      };
      const progressed = state.progressing(progress);
      if (!(await into.commit(parts, [stillRead, progressed], onAppended)))
        throw new LostRace("the effects clash with a row");
    },
  };
}

const toDue = (parked: ParkedStream, [event, next]: readonly Recorded[]): Due => ({
  parked,
  ...(event ? { event } : {}),
  ...(next ? { next } : {}),
});
