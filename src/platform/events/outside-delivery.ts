import type { Recorded } from "#kernel/event.ts";
import type { AnyOutsideConsumer } from "./consumer.ts";
import type { Delivering, Delivery } from "./delivering.ts";
import { standing } from "./failure.ts";
import { causedBy } from "./record.ts";
import type { ParkedStream, Taken } from "./subscription-store.ts";
import { within } from "../runtime.ts";
import { consumerSpan } from "../telemetry/tracing.ts";

/** One in so many of the streams worked on at a time may be one that has failed before. */
const retriesAmong = 4;

/**
 * Hands events to a consumer of outside effects: each is claimed in the commit that moves its slot
 * on, then handed over without a transaction, beside those of other streams.
 */
export class OutsideDelivery<Scope> implements Delivery<Scope> {
  readonly claims = true;
  readonly #on: Delivering<Scope>;
  readonly #consumer: AnyOutsideConsumer;
  /** Those that are tried for the first time. */
  readonly #fresh = new Set<string>();

  constructor(on: Delivering<Scope>, consumer: AnyOutsideConsumer) {
    this.#on = on;
    this.#consumer = consumer;
  }

  async deliver(items: readonly Taken[]): Promise<number> {
    const most = this.#on.outage.isOn ? 1 : this.#consumer.concurrency;
    const room = most - this.#fresh.size;
    const claimed = new Map<string, Taken>();
    let count = 0;
    for (const item of items) {
      if (this.#isDue(item.event, claimed)) {
        if (claimed.size >= room) break;
        claimed.set(item.event.stream, item);
        this.#on.parked.look(item.event.stream);
      }
      count += 1;
    }
    await this.#claim([...claimed.values()], items[count - 1]?.position);
    return count;
  }

  async attempt(event: Recorded): Promise<undefined> {
    const { limits, clock, timers } = this.#on;
    try {
      await within(
        timers,
        limits.handlerTimeoutMs,
        consumerSpan(this.#consumer.name, [event], () =>
          this.#consumer.act(event, causedBy(event, clock)),
        ),
      );
    } finally {
      this.#fresh.delete(event.stream);
    }
  }

  retries(): number {
    const most = Math.ceil(this.#consumer.concurrency / retriesAmong);
    return most - (this.#on.lane.size - this.#fresh.size);
  }

  #isDue(event: Recorded, claimed: ReadonlyMap<string, Taken>): boolean {
    if (!this.#consumer.wants(event.type)) return false;
    const { parked } = this.#on;
    const isParked = parked.has(event.stream) || claimed.has(event.stream);
    if (isParked) parked.pass(event);
    return !isParked;
  }

  async #claim(items: readonly Taken[], upTo: number | undefined): Promise<void> {
    if (items.length === 0 || upTo === undefined) return;
    const { slots, lane, clock, commit } = this.#on;
    const now = clock.now();
    const park = items.map(({ event, slot }): ParkedStream => ({
      ...standing(event, slot, now),
      state: "claimed",
      attempts: 1,
      isOutage: false,
    }));
    const moves = slots.moves(
      items.map(({ slot }) => slot),
      upTo,
    );
    await commit({ moves, park, unpark: [] }, []);
    for (const [i, { event, slot }] of items.entries()) {
      const [parked, token, tenure] = [park[i], slots.tokenOf(slot), slots.tenureOf(slot)];
      if (!parked || token === undefined || tenure === undefined) continue;
      this.#fresh.add(event.stream);
      lane.start({ parked, event, token, tenure });
    }
  }
}
