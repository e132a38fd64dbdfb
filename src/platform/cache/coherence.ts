import { LRUCache } from "lru-cache";
import type { Cancel, Timers } from "../runtime.ts";

/** The position of a reader of changes. `stamp` tells the change of this epoch from one after a restore. */
export type Epoch = { readonly epoch: number; readonly stamp?: string };

/** The subjects changed after `since`, in the order of commits. The next question begins at `latest`. */
export type Changes = (since: Epoch) => Promise<{
  readonly latest: Epoch;
  readonly subjects: readonly string[];
  /** The change at `since` is another one after a restore: all earlier knowledge is void. */
  readonly isRestored?: boolean;
}>;

type Options = {
  readonly changes: Changes;
  /** Whether no other process changes anything: then this one's own commits tell when to ask. */
  readonly alone: boolean;
  readonly timers: Timers;
};

/** Even alone, a command on the console may change something. */
const pollMs = 1_000;
const beforeTheFirst: Epoch = { epoch: -1 };

/**
 * Caches that are never stale: before a lookup, all that was committed until then is known. One
 * question to the database serves all lookups that wait for it; without other processes and without
 * own commits there is none.
 */
export class Coherence implements Disposable {
  readonly #changes: Changes;
  readonly #alone: boolean;
  readonly #listeners: ((subjects: readonly string[] | undefined) => void)[] = [];
  readonly #timers: Timers;
  readonly #stopPolling: Cancel;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #isStale = true;
  #since = beforeTheFirst;

  constructor({ changes, alone, timers }: Options) {
    this.#changes = changes;
    this.#alone = alone;
    this.#timers = timers;
    this.#stopPolling = timers.every(pollMs, () => this.expire());
  }

  /** Counts up with every change that is known here. */
  get epoch(): number {
    return this.#since.epoch;
  }

  /** This process has committed something. */
  expire(): void {
    this.#isStale = true;
  }

  /** Returns once everything committed before this call is known; undefined where it is now. */
  upToDate(): Promise<void> | undefined {
    if (this.#alone && !this.#isStale) return this.#running;
    return (this.#next ??= this.#ask(this.#running));
  }

  /** `load` answers the value, and the subjects whose change makes it void; none: not kept. */
  cache<V extends object>(options: CacheOptions<V>): CoherentCache<V> {
    const cache = new CoherentCache(this, options);
    this.#listeners.push((subjects) => (subjects ? cache.drop(subjects) : cache.clear()));
    return cache;
  }

  [Symbol.dispose](): void {
    this.#stopPolling();
  }

  /** A caller during a question waits for the next one, which sees later commits. */
  async #ask(before: Promise<void> | undefined): Promise<void> {
    await before?.catch(() => {});
    await this.#timers.turn();
    this.#running = this.#next;
    this.#next = undefined;
    this.#isStale = false;
    const asking = this.#running;
    try {
      this.#apply(await this.#changes(this.#since));
    } catch (error) {
      this.#isStale = true;
      throw error;
    } finally {
      if (this.#running === asking) this.#running = undefined;
    }
  }

  #apply({ latest, subjects, isRestored = false }: Awaited<ReturnType<Changes>>): void {
    const count = latest.epoch - this.#since.epoch;
    this.#since = latest;
    if (count === 0 && !isRestored) return;
    const isWhole = subjects.length === count && !isRestored;
    for (const listen of this.#listeners) listen(isWhole ? subjects : undefined);
  }
}

type CacheOptions<V> = {
  readonly max: number;
  readonly load: (key: string) => Promise<V>;
  readonly subjects: (value: V) => readonly string[];
};

/** Values by key, each dropped when one of its subjects is changed. */
export class CoherentCache<V extends object> {
  readonly #coherence: Coherence;
  readonly #options: CacheOptions<V>;
  readonly #entries: LRUCache<string, V>;
  readonly #keysOf = new Map<string, Set<string>>();

  constructor(coherence: Coherence, options: CacheOptions<V>) {
    this.#coherence = coherence;
    this.#options = options;
    this.#entries = new LRUCache({
      max: options.max,
      dispose: (value, key) => this.#forget(key, value),
    });
  }

  /** At once where it is kept and nothing else can have changed it. */
  get(key: string): V | Promise<V> {
    const waiting = this.#coherence.upToDate();
    return waiting ? waiting.then(() => this.#now(key)) : this.#now(key);
  }

  /** The value as of the last lookup that was up to date, which is enough later in a request. */
  recent(key: string): V | Promise<V> {
    return this.#now(key);
  }

  /** Loads it again. */
  renew(key: string): Promise<V> {
    this.#entries.delete(key);
    return this.#load(key);
  }

  drop(subjects: readonly string[]): void {
    for (const subject of subjects)
      for (const key of this.#keysOf.get(subject) ?? []) this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  #now(key: string): V | Promise<V> {
    return this.#entries.get(key) ?? this.#load(key);
  }

  async #load(key: string): Promise<V> {
    const { epoch } = this.#coherence;
    const value = await this.#options.load(key);
    const subjects = this.#options.subjects(value);
    // The value may include concurrent changes or not; only an unmoved epoch shows that there were none.
    if (subjects.length === 0 || this.#coherence.epoch !== epoch) return value;
    this.#entries.set(key, value);
    for (const subject of subjects) {
      const keys = this.#keysOf.get(subject);
      if (keys) keys.add(key);
      else this.#keysOf.set(subject, new Set([key]));
    }
    return value;
  }

  #forget(key: string, value: V): void {
    for (const subject of this.#options.subjects(value)) {
      const keys = this.#keysOf.get(subject);
      keys?.delete(key);
      if (keys?.size === 0) this.#keysOf.delete(subject);
    }
  }
}
