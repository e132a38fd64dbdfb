import type { Recorded } from "#kernel/event.ts";
import { Instant } from "#kernel/instant.ts";
import { Unavailable } from "../unavailable.ts";
import type { AnyConsumer } from "./consumer.ts";
import type { Delivering, Delivery } from "./delivering.ts";
import { isFatal, isOutage, parkedAfter, standing } from "./failure.ts";
import type { Outcome } from "./lane.ts";
import type { Due, ParkedStream, Work } from "./subscription-store.ts";

/** While new events keep coming, parked streams are looked at so often. */
const retriesEveryMs = 20;

type RetriesOptions<Scope> = {
  readonly on: Delivering<Scope>;
  readonly delivery: Delivery<Scope>;
  readonly consumer: AnyConsumer<Scope>;
  /** Looks for streams that are due at least this often. */
  readonly pollMs: number;
};

/** Retries the events of parked streams in the lane and stores the outcomes. */
export class Retries<Scope> {
  readonly #options: RetriesOptions<Scope>;
  readonly #on: Delivering<Scope>;
  #due = 0;
  #dueBesideNew = 0;

  constructor(options: RetriesOptions<Scope>) {
    this.#options = options;
    this.#on = options.on;
  }

  /** Looks at the parked streams no later than so. */
  within(ms: number): void {
    this.#due = Math.min(this.#due, this.#on.timers.elapsedMs() + ms);
  }

  /** How long until it looks at them, where any waits. */
  untilDueMs(nowMs: number): number {
    const { parked, lane } = this.#on;
    return parked.size > lane.size && this.#room() > 0 ? this.#due - nowMs : Infinity;
  }

  /** How many more may be tried now; the end of one that is under way calls. */
  #room(): number {
    const { outage, lane } = this.#on;
    return outage.isOn ? 1 - lane.size : this.#options.delivery.retries();
  }

  /** One attempt at an event; its effects are not committed yet. */
  async perform(event: Recorded): Promise<Work<Scope> | undefined> {
    const { consumer } = this.#options;
    if (!consumer.knows(event))
      throw new Unavailable(`${event.type} v${event.schemaVersion} is of a newer Basalt`, {});
    return consumer.wants(event.type) ? this.#options.delivery.attempt(event) : undefined;
  }

  /** Looks at parked streams: at once where nothing else is to do, else now and then. */
  async try(isBusy: boolean): Promise<boolean> {
    const { store, slots, parked, lane, clock, timers } = this.#on;
    if (parked.size === 0) return false;
    const now = timers.elapsedMs();
    const isDue = now >= (isBusy ? this.#dueBesideNew : this.#due);
    const limit = this.#room();
    if (!isDue || limit <= 0) return false;

    const asked = { now: clock.now(), except: lane.streams, limit };
    const { due, nextAt } = await store.due(slots.staying(), asked);
    const untilNextMs = nextAt === undefined ? Infinity : Instant.toUnixMs(nextAt) - clock.unixMs();
    const pauseMs = due.length === limit ? 0 : Math.min(untilNextMs, this.#options.pollMs);
    this.#due = now + pauseMs;
    this.#dueBesideNew = now + Math.max(pauseMs, retriesEveryMs);
    await this.#start(due);
    return due.length > 0;
  }

  async #start(due: readonly Due[]): Promise<void> {
    const { lane, parked, slots, clock } = this.#on;
    for (const { parked: stream } of due) parked.look(stream.stream);
    const now = clock.now();
    const attempts = due.map((one) => ({ ...one, parked: this.#attempted(one.parked, now) }));
    const park = attempts.filter(({ event }) => event).map(({ parked: stream }) => stream);
    if (this.#options.delivery.claims && park.length > 0) {
      const moves = slots.moves(park.map(({ slot }) => slot));
      await this.#on.commit({ moves, park, unpark: [] }, []);
    }
    for (const attempt of attempts) {
      const { slot } = attempt.parked;
      const [token, tenure] = [slots.tokenOf(slot), slots.tenureOf(slot)];
      if (token !== undefined && tenure !== undefined) lane.start({ ...attempt, token, tenure });
    }
  }

  /** One attempt more. */
  #attempted(parked: ParkedStream, now: Instant): ParkedStream {
    const { retryAt: _, ...rest } = parked;
    const isNew = parked.attempts === 0 && parked.error === undefined;
    const since = isNew ? now : parked.since;
    return { ...rest, since, state: "claimed", attempts: parked.attempts + 1 };
  }

  /** Stores the outcomes of attempts; answers whether there were any. */
  async settle(): Promise<boolean> {
    const { lane } = this.#on;
    const outcomes = lane.take().filter((outcome) => this.#counts(outcome));
    if (outcomes.length === 0) return false;
    try {
      await this.#keep(outcomes);
    } catch (error) {
      // A delivery that has been made stays made, though its outcome could not be kept.
      const { claims } = this.#options.delivery;
      if (claims) lane.tellAgain(outcomes);
      if (claims || isFatal(error)) throw error;
      for (const outcome of outcomes) await this.#keepAlone(outcome);
    }
    for (const outcome of outcomes) this.#note(outcome);
    return true;
  }

  /** Notes what an attempt shows about an outage. */
  #note({ event, result }: Outcome<Scope>): void {
    const { outage, timers } = this.#on;
    if (result.ok && event) outage.over();
    if (!result.ok && isOutage(result.error)) outage.failed(timers.elapsedMs());
  }

  /**
   * Whether what came of an attempt is still to be kept. What was done outside has happened, while
   * the lease lasts. Rows are not there yet: where the slot was read again, another attempt makes them.
   */
  #counts({ parked: { slot }, token, tenure }: Outcome<Scope>): boolean {
    const { slots } = this.#on;
    return this.#options.delivery.claims
      ? slots.tokenOf(slot) === token
      : slots.tenureOf(slot) === tenure;
  }

  /** An outcome that cannot be kept is a failure of its event. */
  async #keepAlone(outcome: Outcome<Scope>): Promise<void> {
    try {
      await this.#keep([outcome]);
    } catch (error) {
      if (isFatal(error)) throw error;
      await this.#keep([{ ...outcome, result: { ok: false, error } }]);
    }
  }

  async #keep(outcomes: readonly Outcome<Scope>[]): Promise<void> {
    const park: ParkedStream[] = [];
    const unpark: ParkedStream[] = [];
    const works: Work<Scope>[] = [];
    for (const outcome of outcomes) {
      const { parked, result } = outcome;
      const after = this.#after(outcome);
      if (after) park.push(after);
      else unpark.push(parked);
      if (result.ok && result.work) works.push(result.work);
    }
    const moves = this.#on.slots.moves(outcomes.map(({ parked }) => parked.slot));
    await this.#on.commit({ moves, park, unpark }, works);
    for (const { result, event, durationMs } of outcomes)
      if (event) this.#on.tell({ ok: Number(result.ok), failed: Number(!result.ok), durationMs });
  }

  /** The state of a stream after an attempt; undefined if it has caught up. */
  #after({ parked, event, next, result }: Outcome<Scope>): ParkedStream | undefined {
    const { slot, attempts, since } = parked;
    if (!result.ok && event)
      return parkedAfter({ event, slot, attempts, since, error: result.error }, this.#on);
    const following = next ?? this.#on.parked.passed(parked.stream);
    if (!following) return undefined;
    const now = this.#on.clock.now();
    const state = { state: "retrying", attempts: 0, retryAt: now, isOutage: false } as const;
    this.within(0);
    return { ...standing(following, slot, now), ...state };
  }
}
