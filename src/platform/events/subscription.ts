import { Instant } from "#kernel/instant.ts";
import type { Logger } from "pino";
import type { Runtime } from "../runtime.ts";
import type { AnyConsumer } from "./consumer.ts";
import type { Delivering, Delivery } from "./delivering.ts";
import { describe, type RetryLimits } from "./failure.ts";
import { HeldSlots } from "./held-slots.ts";
import { Lane } from "./lane.ts";
import { Outage } from "./outage.ts";
import { OutsideDelivery } from "./outside-delivery.ts";
import { ParkedStreams } from "./parked-streams.ts";
import { Reader } from "./reader.ts";
import { Retries } from "./retries.ts";
import { RowDelivery } from "./row-delivery.ts";
import {
  leaving,
  LeaseLost,
  type Member,
  type ParkedStream,
  type Progress,
  type SubscriptionStore,
  type Taken,
  type Work,
} from "./subscription-store.ts";
import { WakeUp } from "./wake-up.ts";

export type SubscriptionLimits = RetryLimits & {
  /** A process that is silent for so long loses its slots. */
  readonly leaseMs: number;
  /** The subscription looks for events at least this often, also without a call. */
  readonly pollMs: number;
  /** An event whose handler takes longer has failed. */
  readonly handlerTimeoutMs: number;
  /** No new events are taken while there are this many parked streams. */
  readonly maxParkedStreams: number;
  /** How long a stop waits for deliveries under way. */
  readonly drainMs: number;
};

export const defaultLimits: SubscriptionLimits = {
  leaseMs: 4_000,
  pollMs: 1_000,
  retryMs: 200,
  maxRetryMs: 60_000,
  handlerTimeoutMs: 30_000,
  maxAttempts: 16, // about eight minutes
  outageRetryMs: 5_000,
  deferredRetryMs: 900_000,
  maxOutageMs: 86_400_000,
  maxParkedStreams: 100_000,
  drainMs: 10_000,
};

/** Hears about handled events. `outcome` says whether the handler succeeded. */
export type Observer = {
  readonly handled: (event: {
    readonly consumer: string;
    readonly outcome: "ok" | "failed";
    readonly events: number;
    readonly durationMs: number;
  }) => void;
};

export type SubscriptionOptions<Scope> = Pick<Runtime, "clock" | "timers" | "chance"> & {
  readonly consumer: AnyConsumer<Scope>;
  readonly store: SubscriptionStore<Scope>;
  readonly wakeUp: WakeUp;
  /** Names this process among those that share the work. */
  readonly process: string;
  readonly log: Logger;
  readonly observer: Observer;
  readonly times?: Partial<SubscriptionLimits>;
};

/** First look after finding nothing: an older transaction may just be hiding newer events. */
const firstLookMs = 2;

/**
 * Delivers the events of a log to a consumer, in order per stream. An event that fails is tried
 * again later and then kept as a dead letter; its stream waits, all others go on.
 */
export class Subscription<Scope> implements AsyncDisposable {
  readonly #options: SubscriptionOptions<Scope>;
  readonly #limits: SubscriptionLimits;
  readonly #on: Delivering<Scope>;
  readonly #delivery: Delivery<Scope>;
  readonly #reader: Reader;
  readonly #wakeUp: WakeUp;
  readonly #stop: WakeUp;
  readonly #retries: Retries<Scope>;
  #shareAt = 0;
  #waitsAt: string | undefined;
  #stopping = false;
  #isEnding = false;
  #running: Promise<void> | undefined;

  constructor(options: SubscriptionOptions<Scope>) {
    const { consumer, store, clock, timers, chance, wakeUp, times } = options;
    this.#options = options;
    this.#limits = { ...defaultLimits, ...times };
    this.#wakeUp = wakeUp.fork();
    this.#stop = new WakeUp(timers);
    const lane = new Lane<Scope>({
      timers,
      perform: (event) => this.#retries.perform(event),
      onEnd: () => this.#wakeUp.call(),
    });
    this.#on = {
      store,
      clock,
      timers,
      chance,
      lane,
      limits: this.#limits,
      slots: new HeldSlots(),
      parked: new ParkedStreams(),
      outage: new Outage(this.#limits),
      commit: (progress, works) => this.#commit(progress, works),
      tell: ({ ok, failed, durationMs }) => this.#tell(ok, failed, durationMs),
    };
    this.#delivery =
      consumer.kind === "rows"
        ? new RowDelivery(this.#on, consumer)
        : new OutsideDelivery(this.#on, consumer);
    this.#retries = new Retries({
      on: this.#on,
      delivery: this.#delivery,
      consumer,
      pollMs: this.#limits.pollMs,
    });
    this.#reader = new Reader(store, this.#on.slots, consumer.batchSize);
  }

  start(): this {
    this.#running ??= this.#run();
    return this;
  }

  /** Delivers all that there is by now, and gives its slots back; in place of `start`. */
  async catchUp(): Promise<void> {
    await this.#share();
    while ((await this.#step()) || this.#on.lane.size > 0) await this.#on.timers.turn();
    await this.#end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    this.#stop.call();
    this.#wakeUp.call();
    await this.#running;
    this.#wakeUp[Symbol.dispose]();
  }

  async #run(): Promise<void> {
    const { store, log, timers } = this.#options;
    const beat = () =>
      store
        .beat(this.#member)
        .catch((error: unknown) =>
          log.debug({ error: String(error) }, "the heartbeat of a consumer failed"),
        );
    const stopBeating = timers.every(this.#limits.leaseMs / 3, () => void beat());
    let pauseMs = firstLookMs;
    while (!this.#stopping) {
      const seen = this.#wakeUp.calls;
      try {
        await this.#share();
        const worked = await this.#step();
        pauseMs = worked ? firstLookMs : Math.min(pauseMs * 2, this.#limits.pollMs);
        if (worked) continue;
      } catch (error) {
        await this.#stop.wait(0, this.#stumble(error));
        continue;
      }
      await this.#wakeUp.wait(seen, Math.min(pauseMs, this.#untilDue()));
      if (this.#wakeUp.calls !== seen) pauseMs = firstLookMs;
    }
    await this.#end().catch((error: unknown) => this.#stumble(error)); // the lease ends anyway
    stopBeating();
  }

  /** Does one round of work; answers whether there was any. */
  async #step(): Promise<boolean> {
    const settled = await this.#retries.settle();
    const delivered = await this.#deliver();
    const tried = await this.#retries.try(delivered);
    return settled || delivered || tried;
  }

  get #nowMs(): number {
    return this.#on.timers.elapsedMs();
  }

  // New events

  async #deliver(): Promise<boolean> {
    const { parked, outage } = this.#on;
    const mayTry = outage.mayTry(this.#nowMs);
    if (!mayTry || parked.size >= this.#limits.maxParkedStreams) return false;
    const items = await this.#reader.next();
    if (!items) return false;
    const known = this.#knownOf(items);
    if (known.length === 0) return false;
    const count = await this.#delivery.deliver(known);
    this.#reader.delivered(count);
    return count > 0;
  }

  /** Up to an event that only a newer process knows. */
  #knownOf(items: readonly Taken[]): readonly Taken[] {
    const { consumer, log } = this.#options;
    const index = items.findIndex(
      ({ event }) => !consumer.knows(event) && !this.#on.parked.has(event.stream),
    );
    const unknown = items[index]?.event;
    const waitsAt = unknown && `${unknown.type} v${unknown.schemaVersion}`;
    if (waitsAt !== undefined && waitsAt !== this.#waitsAt && index === 0)
      log.error(
        { consumer: consumer.name, waitsAt, eventId: unknown?.id },
        "the next event was written by a newer Basalt; this process waits for a process that knows it",
      );
    this.#waitsAt = index === 0 ? waitsAt : undefined;
    return index === -1 ? items : items.slice(0, index);
  }

  // Slots

  get #member(): Member {
    const { process, consumer } = this.#options;
    return {
      process,
      leaseMs: this.#limits.leaseMs,
      declaration: this.#isEnding ? leaving : consumer.declaration,
      ...(this.#waitsAt === undefined ? {} : { waitsAt: this.#waitsAt }),
    };
  }

  /** Takes free slots, stores checkpoints and gives surplus slots back, a few times per lease. */
  async #share(): Promise<void> {
    const now = this.#nowMs;
    if (now < this.#shareAt) return;
    const { store, slots, parked, clock } = this.#on;
    if (!(await this.#reader.isCurrent())) this.#beginAnew();
    const { held, fair } = await store.share(this.#member);
    const { came, gone } = slots.compare(held);
    this.#drop(gone);
    if (came.length > 0) {
      const names = await store.adopt(
        came.map(({ slot }) => slot),
        {
          now: clock.now(),
          running: this.#on.lane.runningIn(came),
          maxAttempts: this.#limits.maxAttempts,
        },
      );
      for (const name of names) parked.add(name);
      slots.take(came);
      this.#reader.reset();
      this.#retries.within(0);
    }
    await this.#keepMoves(slots.unkept());
    await this.#giveBack(slots.size - fair);
    this.#shareAt = now + this.#limits.leaseMs / 3;
  }

  /** The log was restored: nothing is known of it any more. */
  #beginAnew(): void {
    const { log, consumer } = this.#options;
    log.warn(
      { consumer: consumer.name },
      "the event log was restored; the consumer reads again from its checkpoint",
    );
    this.#on.lane.abandon();
    this.#drop(this.#on.slots.all().map(({ slot }) => slot));
  }

  /** A slot in which something is handed over stays until that has ended; it takes no more. */
  async #giveBack(count: number): Promise<void> {
    const { store, slots, lane } = this.#on;
    if (count > 0 || slots.leaving().length > 0) {
      slots.leave(count);
      this.#reader.reset();
    }
    const free = slots.leaving().filter((slot) => !lane.isBusy(slot));
    if (free.length === 0) return;
    await store.release(this.#options.process, free);
    this.#drop(free);
  }

  #drop(gone: readonly number[]): void {
    if (gone.length === 0) return;
    this.#on.slots.drop(gone);
    this.#on.parked.drop(gone, this.#on.lane.streams);
    this.#reader.reset();
  }

  async #keepMoves(moves: Progress["moves"]): Promise<void> {
    if (moves.length > 0) await this.#commit({ moves, park: [], unpark: [] }, []);
  }

  // All of it

  async #commit(progress: Progress, works: readonly Work<Scope>[]): Promise<void> {
    const { slots, parked } = this.#on;
    await this.#options.store.commit(progress, works, this.#reader.mark);
    slots.committed(progress.moves);
    for (const { stream } of progress.unpark) parked.delete(stream);
    for (const stream of progress.park) {
      parked.add(stream);
      if (stream.error !== undefined && stream.state !== "claimed") this.#warn(stream);
    }
  }

  #warn(parked: ParkedStream): void {
    const { log, consumer } = this.#options;
    const told = { consumer: consumer.name, ...parked };
    if (parked.state === "dead")
      log.error(told, "an event became a dead letter; its stream waits for a replay");
    else log.warn(told, "an event failed; it will be retried");
    const { retryAt } = parked;
    if (retryAt === undefined) return;
    const inMs = Math.max(0, Instant.toUnixMs(retryAt) - this.#on.clock.unixMs());
    this.#retries.within(inMs);
  }

  #tell(ok: number, failed: number, durationMs: number): void {
    const { consumer, observer, log } = this.#options;
    log.debug({ consumer: consumer.name, ok, failed, durationMs }, "events were handled");
    const told = { consumer: consumer.name, durationMs };
    if (ok > 0) observer.handled({ ...told, outcome: "ok", events: ok });
    if (failed > 0) observer.handled({ ...told, outcome: "failed", events: failed });
  }

  /** Begins again from the stored state; answers the pause before it, in ms. */
  #stumble(error: unknown): number {
    const { log, consumer } = this.#options;
    const isLost = error instanceof LeaseLost;
    const told = { consumer: consumer.name, error: describe(error) };
    if (isLost)
      log.info(
        told,
        "a slot was taken or moved by another process or a command; the consumer reads again from its checkpoint",
      );
    else log.warn(told, "a subscription failed; it retries from its checkpoint");
    this.#drop(this.#on.slots.all().map(({ slot }) => slot));
    this.#shareAt = 0;
    return isLost ? firstLookMs : this.#limits.pollMs;
  }

  #untilDue(): number {
    const now = this.#nowMs;
    const untilTryMs = this.#on.outage.untilTryMs(now);
    return Math.max(1, Math.min(this.#shareAt - now, this.#retries.untilDueMs(now), untilTryMs));
  }

  /** Stores outcomes of attempts and gives idle slots back; answers the pause until the next time, in ms. */
  async #leaveIdle(): Promise<number> {
    try {
      await this.#share();
      await this.#retries.settle();
      return Math.max(firstLookMs, this.#shareAt - this.#nowMs);
    } catch (error) {
      return this.#stumble(error);
    }
  }

  /** Gives idle slots back, waits a while for deliveries under way, and gives back the rest. */
  async #end(): Promise<void> {
    const { lane, store } = this.#on;
    const endsAt = this.#nowMs + this.#limits.drainMs;
    this.#isEnding = true;
    this.#shareAt = 0;
    for (let seen = this.#wakeUp.calls; ; seen = this.#wakeUp.calls) {
      const pauseMs = await this.#leaveIdle();
      const leftMs = endsAt - this.#nowMs;
      if (lane.size === 0 || leftMs <= 0) break;
      await this.#wakeUp.wait(seen, Math.min(leftMs, pauseMs));
    }
    await store.leave(this.#options.process);
  }
}
