import type { HeldSlots } from "./held-slots.ts";
import { TimedOut, Unavailable } from "../unavailable.ts";
import {
  LeaseLost,
  type Look,
  type Mark,
  type SubscriptionStore,
  type Taken,
} from "./subscription-store.ts";

/** Positions that one read looks at, at most: slots without events of their own move on as well. */
const maxScanned = 10_000;

/** Events that were read and not delivered yet. */
type Batch = {
  readonly slots: readonly number[];
  readonly items: readonly Taken[];
  /** The positions of the slots after all of them. */
  readonly reached: number;
  /** Up to where the log was final when they were read. */
  readonly until: number;
};

/** Reads ahead for the slots that a process holds, never past the horizon. */
export class Reader {
  readonly #store: Pick<SubscriptionStore<never>, "look" | "read">;
  readonly #slots: HeldSlots;
  readonly #most: number;
  #limit: number;
  #look: Look | undefined;
  #mark: Mark | undefined;
  #batch: Batch | undefined;
  /** The batch after the current one, which is read while that one is delivered. */
  #ahead: Promise<Batch> | undefined;

  constructor(
    store: Pick<SubscriptionStore<never>, "look" | "read">,
    slots: HeldSlots,
    limit: number,
  ) {
    this.#store = store;
    this.#slots = slots;
    this.#most = limit;
    this.#limit = limit;
  }

  /** The last event that was read. After a restore the log may no longer have it. */
  get mark(): Mark | undefined {
    return this.#mark;
  }

  /** Whether the log still is the one that was read; where it is not, all begins anew. */
  async isCurrent(): Promise<boolean> {
    const { isSame } = await this.#store.look(this.#mark);
    if (!isSame) this.#mark = undefined;
    return isSame;
  }

  /** The next events to deliver; undefined when there are none. */
  async next(): Promise<readonly Taken[] | undefined> {
    while (!this.#batch) {
      const batch = await this.#read();
      if (!batch) return undefined;
      const { slots, items, reached, until } = batch;
      if (reached < until) this.#readAhead(slots, reached, until);
      if (items.length > 0) this.#batch = batch;
      else this.#slots.advance(slots, reached);
    }
    return this.#batch.items;
  }

  /** The first of them are delivered, or all: their slots stand behind the last one. */
  delivered(count: number): void {
    if (!this.#batch) return;
    const { slots, items, reached } = this.#batch;
    const isWhole = count === items.length;
    const last = isWhole ? reached : items[count - 1]?.position;
    if (last !== undefined) this.#slots.advance(slots, last);
    this.#batch = isWhole ? undefined : { ...this.#batch, items: items.slice(count) };
  }

  /** Other slots are held than were, or they stand elsewhere. */
  reset(): void {
    this.#batch = undefined;
    this.#ahead = undefined;
    this.#look = undefined;
  }

  async #read(): Promise<Batch | undefined> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead) return ahead;
    const front = this.#slots.front();
    if (!front) return undefined;
    const { slots, after, next } = front;
    const until = Math.min(await this.#final(after), next, after + maxScanned);
    return until > after ? this.#range(slots, after, until) : undefined;
  }

  /** If reading this many events takes too long, fewer are read at a time until all are read. */
  async #range(slots: readonly number[], after: number, until: number): Promise<Batch> {
    for (;;) {
      const limit = this.#limit;
      try {
        const items = await this.#store.read({ slots, after, until, limit });
        const last = items.length === limit ? items.at(-1) : undefined;
        if (!last) this.#limit = this.#most;
        return { slots, items, until, reached: last?.position ?? until };
      } catch (error) {
        if (!(error instanceof TimedOut) || limit === 1) throw error;
        this.#limit = Math.max(1, Math.floor(limit / 4));
      }
    }
  }

  #readAhead(slots: readonly number[], after: number, until: number): void {
    this.#ahead = this.#range(slots, after, until);
    this.#ahead.catch(() => {}); // reported when it is asked for
  }

  /** Up to where the log is final; it is asked again only when all of that has been read. */
  async #final(after: number): Promise<number> {
    if (!this.#look?.mark || this.#look.mark.position <= after)
      this.#look = await this.#store.look(this.#mark);
    const { head, mark, isSame } = this.#look;
    if (!isSame) throw new LeaseLost("the log was restored");
    this.#mark = mark ?? this.#mark;
    if (after > head)
      throw new Unavailable(
        `the log ends at ${head} and was read up to ${after}: was it restored?`,
        {},
      );
    return mark?.position ?? 0;
  }
}
