import type { Recorded } from "#kernel/event.ts";
import type { RowConsumer } from "./consumer.ts";
import type { Delivering, Delivery } from "./delivering.ts";
import { isFatal, isOutage, parkedAfter } from "./failure.ts";
import { causedBy } from "./record.ts";
import { LostRace, type ParkedStream, type Taken, type Work } from "./subscription-store.ts";
import { within } from "../runtime.ts";
import { consumerSpan } from "../telemetry/tracing.ts";

/** So often a batch that has lost a race is handled again at once; then its events go one by one. */
const maxRaces = 3;
/** Parked streams that are tried at a time. */
const retriesAtOnce = 16;

/**
 * Hands new events to a consumer of row effects. Handlers run without a transaction; what they save
 * is collected, and leaves with the checkpoint. An event that fails is parked in the same commit.
 */
export class RowDelivery<Scope> implements Delivery<Scope> {
  readonly claims = false;
  readonly #on: Delivering<Scope>;
  readonly #consumer: RowConsumer<Scope>;

  constructor(on: Delivering<Scope>, consumer: RowConsumer<Scope>) {
    this.#on = on;
    this.#consumer = consumer;
  }

  /** Answers how many of the events are done; after an outage, the later ones wait. */
  async deliver(items: readonly Taken[]): Promise<number> {
    let done = 0;
    for (let races = 0; ; races += 1) {
      const batch = new RowBatch(this.#on, this.#consumer, items.slice(done));
      try {
        return done + (await batch.run());
      } catch (error) {
        done += batch.committed;
        if (isFatal(error)) throw error;
        if (error instanceof LostRace && races < maxRaces) continue;
        return done + (await this.#apart(items.slice(done), batch.tried, error));
      }
    }
  }

  /** Some events failed as a whole: one of them is to blame, and of each by itself it is known. */
  async #apart(items: readonly Taken[], tried: readonly Taken[], error: unknown): Promise<number> {
    const [culprit, ...others] = tried;
    if (culprit && others.length === 0) {
      const count = items.indexOf(culprit) + 1;
      await new RowBatch(this.#on, this.#consumer, items.slice(0, count)).park(culprit, error);
      return count;
    }
    let done = 0;
    for (const one of items) {
      const failures = this.#on.outage.isOn;
      done += await this.deliver([one]);
      if (!failures && this.#on.outage.isOn) break;
    }
    return done;
  }

  /** Handles the event of a parked stream. The caller commits its effects. */
  async attempt(event: Recorded): Promise<Work<Scope> | undefined> {
    const work = await this.#on.store.open(event, async () => {});
    await handled(this.#on, this.#consumer, [event], work);
    return work;
  }

  retries(): number {
    return retriesAtOnce - this.#on.lane.size;
  }
}

/** Runs a handler within its time limit. Later work of it is refused. */
async function handled<Scope>(
  { limits, clock, timers }: Delivering<Scope>,
  { name, handle }: RowConsumer<Scope>,
  events: readonly Recorded[],
  work: Work<Scope>,
): Promise<void> {
  const [first] = events;
  if (!first) return;
  try {
    const context = causedBy(first, clock);
    const handling = () => handle(events, work.scope, context);
    await within(timers, limits.handlerTimeoutMs, consumerSpan(name, events, handling));
    work.check();
  } finally {
    work.close();
  }
}

/** Some new events in their order, and their outcomes. */
class RowBatch<Scope> {
  readonly #on: Delivering<Scope>;
  readonly #consumer: RowConsumer<Scope>;
  readonly #items: readonly Taken[];
  /** Events that are committed. */
  committed = 0;
  /** Those that a handler was asked for, and that are not committed. */
  tried: Taken[] = [];
  /** Events that have been handled, passed over or parked. */
  #handled = 0;
  #works: Work<Scope>[] = [];
  #parks: ParkedStream[] = [];
  #slots = new Set<number>();
  #events = 0;
  #startedAt: number;
  #settling: Promise<void> | undefined;
  #broken: { readonly error: unknown } | undefined;
  /** Held up by an outage: the events after it wait. */
  #isStopped = false;

  constructor(on: Delivering<Scope>, consumer: RowConsumer<Scope>, items: readonly Taken[]) {
    this.#on = on;
    this.#consumer = consumer;
    this.#items = items;
    this.#startedAt = on.timers.elapsedMs();
  }

  /** Answers how many of the events are done; throws where a commit was refused. */
  async run(): Promise<number> {
    if (this.#consumer.folds) await this.#fold();
    else await this.#each();
    await this.#commit();
    return this.#handled;
  }

  /** Parks one, without asking a handler for any. */
  async park(item: Taken, error: unknown): Promise<void> {
    this.#fail(item, error);
    this.#handled = this.#items.length;
    await this.#commit();
  }

  async #each(): Promise<void> {
    for (const item of this.#items) {
      if (this.#isStopped) return;
      if (this.#isDue(item)) await this.#handle(item);
      this.#handled += 1;
    }
  }

  async #fold(): Promise<void> {
    const due = this.#items.filter((item) => this.#isDue(item));
    const [first] = due;
    if (first) {
      const work = await this.#on.store.open(first.event, () => this.#settle());
      const events = due.map(({ event }) => event);
      await handled(this.#on, this.#consumer, events, work);
      this.#keep(work, due);
    }
    this.#handled = this.#items.length;
  }

  async #handle(item: Taken): Promise<void> {
    const { store, outage, timers } = this.#on;
    const work = await store.open(item.event, () => this.#settle());
    try {
      await handled(this.#on, this.#consumer, [item.event], work);
      await this.#settling;
      outage.over();
      this.#keep(work, [item]);
    } catch (error) {
      await this.#settling?.catch(() => {}); // a read that the handler no longer waits for
      if (this.#broken) throw this.#broken.error;
      if (isOutage(error)) outage.failed(timers.elapsedMs());
      this.#fail(item, error);
      this.#isStopped = outage.isOn;
    }
  }

  #isDue(item: Taken): boolean {
    const { event } = item;
    if (!this.#consumer.wants(event.type)) return false;
    const { parked } = this.#on;
    const isParked =
      parked.has(event.stream) || this.#parks.some(({ stream }) => stream === event.stream);
    if (isParked) parked.pass(event);
    else this.tried.push(item);
    return !isParked;
  }

  #keep(work: Work<Scope>, items: readonly Taken[]): void {
    this.#works.push(work);
    this.#events += items.length;
    for (const { slot } of items) this.#slots.add(slot);
  }

  #fail({ event, slot }: Taken, error: unknown): void {
    const since = this.#on.clock.now();
    const park = parkedAfter({ event, slot, attempts: 1, since, error }, this.#on);
    this.#on.parked.look(event.stream);
    this.#parks.push(park);
    this.#slots.add(slot);
  }

  /** Commits the effects of earlier events before a handler reads, so that it sees them. */
  #settle(): Promise<void> {
    this.#settling ??= this.#commit()
      .catch((error: unknown) => {
        this.#broken = { error };
        throw error;
      })
      .finally(() => (this.#settling = undefined));
    return this.#settling;
  }

  async #commit(): Promise<void> {
    const [works, parks, slots, upTo] = [this.#works, this.#parks, this.#slots, this.#handled];
    [this.#works, this.#parks, this.#slots] = [[], [], new Set()];
    const last = this.#items[upTo - 1];
    if (last && slots.size > 0) {
      const moves = this.#on.slots.moves(slots, last.position);
      await this.#on.commit({ moves, park: parks, unpark: [] }, works);
      this.#tell(parks.length);
    }
    this.committed = upTo;
    this.tried = this.tried.filter(({ position }) => position > (last?.position ?? 0));
  }

  #tell(failed: number): void {
    const now = this.#on.timers.elapsedMs();
    this.#on.tell({
      ok: this.#events,
      failed,
      durationMs: now - this.#startedAt,
    });
    this.#events = 0;
    this.#startedAt = now;
  }
}
