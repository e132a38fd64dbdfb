import type { Logger } from "pino";
import type { Context } from "#kernel/context.ts";
import { identifier, type Id } from "#kernel/id.ts";
import type { Runtime } from "../runtime.ts";
import { every, type Repeated } from "./every.ts";
import type { Leases } from "./leases.ts";

/** Work that one of all processes does again and again. */
export type Job = {
  /** As in `catalog.run-imports`; names its lease. */
  readonly name: string;
  readonly everyMs: number;
  /** The deadline of one run; the job itself keeps it. */
  readonly withinMs: number;
  /** `stopping` is aborted when the process is about to stop. */
  readonly work: (context: Context, stopping: AbortSignal) => Promise<void>;
  /** Whether it is done once more when the process stops. */
  readonly atTheEndToo?: true;
};

type Options = Pick<Runtime, "clock" | "timers" | "newId"> & {
  readonly leases: Leases;
  /** Names this process among those that share the work. */
  readonly process: string;
  readonly log: Logger;
};

/** After a process has been killed, others take its jobs over within so long and a third. */
const leaseMs = 6_000;
const JobRunId = identifier<Id<"job">>("job");

/**
 * The background jobs of a process, each done by one process at a time: the one that holds its lease.
 * Two may overlap where a process hung for longer than its lease lasts, so a job must be harmless then.
 */
export class Jobs implements AsyncDisposable {
  readonly #options: Options;
  readonly #jobs: Job[] = [];
  readonly #repeated: Repeated[] = [];
  readonly #stopping = new AbortController();
  #heartbeat: Repeated | undefined;
  #held: ReadonlySet<string> = new Set();
  #heldUntilMs = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Before the start. */
  add(job: Job): void {
    this.#jobs.push(job);
  }

  start(): this {
    const { timers, log } = this.#options;
    for (const job of this.#jobs) {
      const work = async () => {
        if (this.#holds(job)) await job.work(this.#contextOf(job), this.#stopping.signal);
      };
      this.#repeated.push(every({ name: job.name, everyMs: job.everyMs, work, log, timers }));
    }
    const work = () => this.#renew();
    this.#heartbeat = every({ name: "leases of jobs", everyMs: leaseMs / 3, work, log, timers });
    void this.#heartbeat.now();
    return this;
  }

  /** Takes free leases and renews held ones. A job that is new to this process starts at once. */
  async #renew(): Promise<void> {
    const { leases, process, timers } = this.#options;
    const before = new Set(this.#jobs.filter((job) => this.#holds(job)));
    const askedAt = timers.elapsedMs();
    const names = this.#jobs.map(({ name }) => name);
    this.#held = await leases.take(names, process, leaseMs);
    this.#heldUntilMs = askedAt + leaseMs;
    for (const [i, job] of this.#jobs.entries())
      if (this.#holds(job) && !before.has(job)) void this.#repeated[i]?.now();
  }

  #holds({ name }: Job): boolean {
    return this.#held.has(name) && this.#options.timers.elapsedMs() < this.#heldUntilMs;
  }

  #contextOf({ withinMs }: Job): Context {
    const { clock, newId } = this.#options;
    return {
      actor: "system",
      correlationId: newId(JobRunId),
      deadlineMs: clock.unixMs() + withinMs,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    for (const repeated of this.#repeated) await repeated[Symbol.asyncDispose]();
    for (const [i, { atTheEndToo }] of this.#jobs.entries())
      if (atTheEndToo) await this.#repeated[i]?.now();
    await this.#heartbeat?.[Symbol.asyncDispose]();
    const { leases, process, log } = this.#options;
    await leases
      .release(process)
      .catch((error: unknown) =>
        log.debug({ error: String(error) }, "the leases of jobs could not be given back"),
      );
  }
}
