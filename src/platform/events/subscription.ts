import type { Recorded } from "#kernel/event.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { Version } from "#kernel/version.ts";
import type { Logger } from "pino";
import { Unavailable } from "../unavailable.ts";
import type { AnyConsumer } from "./consumer.ts";
import { causedBy } from "./record.ts";
import {
  LeaseLost,
  type Delivery,
  type Lease,
  type ParkedStream,
  type Progress,
  type SubscriptionStore,
} from "./subscription-store.ts";
import type { WakeUp } from "./wake-up.ts";

export type SubscriptionTimes = {
  /** A process that is silent for so long loses its partitions. */
  readonly leaseMs: number;
  /** Looks for events at least this often, whoever forgot to call. */
  readonly pollMs: number;
  /** Pause before the first retry of a failed event; doubles with each, with jitter. */
  readonly retryMs: number;
  readonly maxRetryMs: number;
  /** A batch whose handlers take longer has failed. */
  readonly handlerTimeoutMs: number;
  /** Attempts after which a failed event becomes a dead letter. */
  readonly maxAttempts: number;
};

export const defaultTimes: SubscriptionTimes = {
  leaseMs: 4_000,
  pollMs: 1_000,
  retryMs: 200,
  maxRetryMs: 60_000,
  handlerTimeoutMs: 30_000,
  maxAttempts: 16, // about eight minutes: longer than most servers make a stranger wait
};

/** What a subscription tells about its work. `outcome`: did the event's handler succeed? */
export type Observer = {
  readonly handled: (event: {
    readonly consumer: string;
    readonly outcome: "ok" | "failed";
    readonly events: number;
    readonly durationMs: number;
  }) => void;
};

export type SubscriptionOptions<Scope> = {
  readonly consumer: AnyConsumer<Scope>;
  readonly store: SubscriptionStore<Scope>;
  readonly wakeUp: WakeUp;
  /** Names this process among those that share the work. */
  readonly process: string;
  readonly clock: Clock;
  /** A number in [0, 1), for jitter. */
  readonly chance: () => number;
  readonly log: Logger;
  readonly observer: Observer;
  readonly times?: Partial<SubscriptionTimes>;
};

/** First look after finding nothing: an older transaction may just be hiding newer events. */
const firstLookMs = 2;
const catchUpBatch = 100;

/**
 * Delivers the events of a log to a consumer: in order per stream, effects committed with the
 * checkpoint. An event that fails is tried again later and then kept as a dead letter; its stream
 * waits, all others go on.
 */
export class Subscription<Scope> implements AsyncDisposable {
  readonly #options: SubscriptionOptions<Scope>;
  readonly #times: SubscriptionTimes;
  readonly #partitions = new Map<number, Partition<Scope>>();
  readonly #stop = Promise.withResolvers<void>();
  #stopping = false;
  #sharing: Promise<void> | undefined;

  constructor(options: SubscriptionOptions<Scope>) {
    this.#options = options;
    this.#times = { ...defaultTimes, ...options.times };
  }

  start(): this {
    this.#sharing ??= this.#share();
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    this.#stop.resolve();
    this.#options.wakeUp.call();
    await this.#sharing;
    await Promise.all([...this.#partitions.values()].map((partition) => partition.stop()));
    await this.#options.store.leave(this.#options.process).catch(() => {}); // the lease ends anyway
  }

  async #share(): Promise<void> {
    while (!this.#stopping) {
      try {
        // One that stopped no longer knows where it stands: it is leased anew, from what is kept.
        const running = [...this.#partitions.values()].filter((one) => one.running);
        const held = running.map(({ lease }) => lease);
        const { store, process } = this.#options;
        await this.#hold(await store.share(process, held, this.#times.leaseMs));
      } catch (error) {
        this.#options.log.warn({ error: String(error) }, "cannot share the work of a subscription");
      }
      const pause = Promise.withResolvers<void>();
      const timer = setTimeout(pause.resolve, this.#times.leaseMs / 3);
      await Promise.race([pause.promise, this.#stop.promise]);
      clearTimeout(timer);
    }
  }

  async #hold(leases: readonly Lease[]): Promise<void> {
    const now = new Map(leases.map((lease) => [lease.partition, lease]));
    for (const [number, partition] of this.#partitions) {
      if (now.get(number)?.token === partition.lease.token && partition.running) continue;
      this.#partitions.delete(number);
      await partition.stop();
    }
    if (this.#stopping) return;
    for (const lease of leases) {
      const known = this.#partitions.get(lease.partition);
      if (known) known.refresh();
      else this.#partitions.set(lease.partition, new Partition(this.#options, this.#times, lease));
    }
  }
}

/** The loop that reads one partition while its lease lasts. */
class Partition<Scope> {
  readonly #options: SubscriptionOptions<Scope>;
  readonly #times: SubscriptionTimes;
  readonly #parked = new Map<string, ParkedStream>();
  readonly #loop: Promise<void>;
  #lease: Lease;
  #stale = true;
  #running = true;

  constructor(options: SubscriptionOptions<Scope>, times: SubscriptionTimes, lease: Lease) {
    this.#options = options;
    this.#times = times;
    this.#lease = lease;
    this.#loop = this.#run();
  }

  get lease(): Lease {
    return this.#lease;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Reads the parked streams again: somebody may have asked for a dead letter's replay. */
  refresh(): void {
    this.#stale = true;
    if (this.#parked.size > 0) this.#options.wakeUp.call();
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#options.wakeUp.call();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { wakeUp, log, consumer } = this.#options;
    let pauseMs = firstLookMs;
    while (this.#running) {
      const seen = wakeUp.calls;
      try {
        const worked = await this.#step();
        pauseMs = worked ? firstLookMs : Math.min(pauseMs * 2, this.#times.pollMs);
        if (worked) continue;
      } catch (error) {
        pauseMs = this.#times.pollMs;
        if (error instanceof LeaseLost) this.#running = false;
        log.warn({ consumer: consumer.name, error: String(error) }, "a subscription stumbled");
        if (!this.#running) break;
      }
      await wakeUp.wait(seen, this.#untilRetry(pauseMs));
      if (wakeUp.calls !== seen) pauseMs = firstLookMs;
    }
  }

  /** Does what can be done now; answers whether there was anything. */
  async #step(): Promise<boolean> {
    const { store, consumer } = this.#options;
    await this.#loadParked();
    const retried = await this.#retryDue();
    const deliveries = await store.read(this.#lease, consumer.batchSize);
    if (deliveries.length > 0) await this.#deliver(deliveries);
    return retried || deliveries.length > 0;
  }

  async #deliver(deliveries: readonly Delivery[]): Promise<void> {
    const last = deliveries.at(-1);
    if (!last) return;
    const due = deliveries.filter(({ event }) => this.#isDue(event)).map(({ event }) => event);
    try {
      await this.#commit({ checkpoint: last.checkpoint }, due);
    } catch (error) {
      if (isNoFaultOfAnEvent(error)) throw error;
      for (const delivery of deliveries) await this.#deliverAlone(delivery);
    }
  }

  async #deliverAlone({ event, checkpoint }: Delivery): Promise<void> {
    try {
      await this.#commit({ checkpoint }, this.#isDue(event) ? [event] : []);
    } catch (error) {
      if (isNoFaultOfAnEvent(error)) throw error;
      await this.#park({ checkpoint, event, error, attempts: 1 });
    }
  }

  #isDue({ stream, type }: Recorded): boolean {
    return this.#options.consumer.wants(type) && !this.#parked.has(stream);
  }

  async #retryDue(): Promise<boolean> {
    const now = this.#options.clock.now();
    const due = [...this.#parked.values()].filter(({ retryAt }) => retryAt && retryAt <= now);
    for (const parked of due) await this.#catchUp(parked);
    return due.length > 0;
  }

  /** Delivers what a waiting stream has missed, until it fails again or has caught up. */
  async #catchUp(parked: ParkedStream): Promise<void> {
    const { store, consumer } = this.#options;
    const { stream } = parked;
    const { checkpoint } = this.#lease;
    let { attempts, version } = parked;
    for (;;) {
      const missed = await store.readStream(this.#lease, stream, version, catchUpBatch);
      for (const event of missed) {
        const next = Version.plus(event.version, 1);
        const wanted = consumer.wants(event.type) ? [event] : [];
        try {
          await this.#commit({ checkpoint, unpark: { stream, next } }, wanted);
        } catch (error) {
          if (isNoFaultOfAnEvent(error)) throw error;
          return await this.#park({ checkpoint, event, error, attempts: attempts + 1 });
        }
        attempts = 0;
        version = next;
      }
      if (missed.length < catchUpBatch) break;
    }
    await this.#commit({ checkpoint, unpark: { stream, next: "caught-up" } }, []);
    this.#parked.delete(stream);
  }

  async #park({
    checkpoint,
    event,
    error,
    attempts,
  }: {
    readonly checkpoint: Progress["checkpoint"];
    readonly event: Recorded;
    readonly error: unknown;
    readonly attempts: number;
  }): Promise<void> {
    const { clock, log, consumer } = this.#options;
    const dead = attempts >= this.#times.maxAttempts;
    const park: ParkedStream = {
      stream: event.stream,
      version: event.version,
      eventId: event.id,
      eventType: event.type,
      attempts,
      ...(dead ? {} : { retryAt: Instant.plus(clock.now(), this.#retryPause(attempts)) }),
      error: describe(error),
      correlationId: event.metadata.correlationId,
    };
    await this.#commit({ checkpoint, park }, []);
    this.#parked.set(event.stream, park);
    const told = { consumer: consumer.name, ...park };
    if (dead) log.error(told, "an event is a dead letter: its stream waits for a replay");
    else log.warn(told, "an event failed and will be tried again");
  }

  async #commit(progress: Progress, events: readonly Recorded[]): Promise<void> {
    const { store, consumer, clock, observer } = this.#options;
    const startedAt = performance.now();
    const tell = (outcome: "ok" | "failed") =>
      observer.handled({
        consumer: consumer.name,
        outcome,
        events: events.length,
        durationMs: performance.now() - startedAt,
      });
    try {
      await store.commit(this.#lease, progress, (open) =>
        within(this.#times.handlerTimeoutMs, () =>
          consumer.handle(events, (event) => ({
            scope: open(event),
            context: causedBy(event, clock),
          })),
        ),
      );
    } catch (error) {
      tell("failed");
      throw error;
    }
    if (events.length > 0) tell("ok");
    const commits = this.#lease.commits + 1;
    this.#lease = { ...this.#lease, commits, checkpoint: progress.checkpoint };
  }

  async #loadParked(): Promise<void> {
    if (!this.#stale) return;
    this.#stale = false;
    const parked = await this.#options.store.parked(this.#lease);
    this.#parked.clear();
    for (const stream of parked) this.#parked.set(stream.stream, stream);
  }

  /** Exponential with full jitter: between half and all of what the attempt is worth. */
  #retryPause(attempts: number): number {
    const { retryMs, maxRetryMs } = this.#times;
    const pauseMs = Math.min(retryMs * 2 ** (attempts - 1), maxRetryMs);
    return Math.ceil(pauseMs * (0.5 + this.#options.chance() / 2));
  }

  #untilRetry(pauseMs: number): number {
    const nowMs = this.#options.clock.unixMs();
    return [...this.#parked.values()].reduce(
      (least, { retryAt }) =>
        retryAt ? Math.max(1, Math.min(least, Instant.toUnixMs(retryAt) - nowMs)) : least,
      pauseMs,
    );
  }
}

const isNoFaultOfAnEvent = (error: unknown): boolean =>
  error instanceof LeaseLost || error instanceof Unavailable;

async function within(timeoutMs: number, work: () => Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`not handled within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    await Promise.race([work(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** An error and its causes in one line, of bounded length. */
function describe(error: unknown): string {
  const maxLength = 1_000;
  const parts: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) parts.push(String(cause));
  return (parts.length > 0 ? parts.join(": ") : String(error)).slice(0, maxLength);
}
