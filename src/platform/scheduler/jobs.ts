import type { Logger } from "pino";
import type { Context } from "#kernel/context.ts";
import { identifier, type Id } from "#kernel/id.ts";
import type { Trouble } from "../events/health.ts";
import { within, type Runtime } from "../runtime.ts";
import { jobSpan } from "../telemetry/tracing.ts";
import { every, type Repeated } from "./every.ts";
import type { Leases } from "./leases.ts";

/** What a run came to. Errors of single things fail the run, for the log, once it has ended. */
export type Worked = void | { readonly failures: readonly unknown[] };

/** Work that one of all processes does again and again. */
export type Job = {
  /** Its name, as in `catalog.run-imports`, which is the name of its lease too. */
  readonly name: string;
  readonly everyMs: number;
  /** How long one run may take. A longer one is told to stop and given up. */
  readonly withinMs: number;
  /** `stopping` is aborted when the run has taken too long, or the process is about to stop. */
  readonly work: (context: Context, stopping: AbortSignal) => Promise<Worked>;
  /** Whether every process does it once more when it stops, whoever holds the lease. */
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
/** Without a renewal for so long, readiness and metrics tell. */
const tellAfterMs = 10_000;
/** How long a stop waits for runs that are under way. */
const drainMs = 10_000;
const JobRunId = identifier<Id<"job">>("job");

/**
 * The background jobs of a process, each done by one process at a time: the one that holds its lease.
 * Two may overlap where a process hung for longer than its lease lasts, or a run did not end in its
 * time, so a job must be harmless then.
 */
export class Jobs implements AsyncDisposable {
  readonly #options: Options;
  readonly #jobs: Job[] = [];
  readonly #repeated: Repeated[] = [];
  /** Tells the runs that are under way to stop. */
  readonly #runs = new Set<AbortController>();
  #isStopping = false;
  #heartbeat: Repeated | undefined;
  #held: ReadonlySet<string> = new Set();
  #renewedMs = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Before the start. */
  add(job: Job): void {
    this.#jobs.push(job);
  }

  start(): this {
    const { timers, log } = this.#options;
    this.#renewedMs = timers.elapsedMs();
    for (const job of this.#jobs) {
      const work = async () => {
        if (this.#holds(job) && !this.#isStopping) await this.#run(job);
      };
      this.#repeated.push(every({ name: job.name, everyMs: job.everyMs, work, log, timers }));
    }
    const work = () => this.#renew();
    this.#heartbeat = every({ name: "leases of jobs", everyMs: leaseMs / 3, work, log, timers });
    void this.#heartbeat.now();
    return this;
  }

  /** Troubles to report: while no lease can be taken or renewed, jobs may rest in all processes. */
  troubles(): readonly Trouble[] {
    const silentMs = this.#options.timers.elapsedMs() - this.#renewedMs;
    if (!this.#heartbeat || silentMs < tellAfterMs) return [];
    const says = `the leases of background jobs could not be renewed for ${Math.round(silentMs / 1_000)} s`;
    return [{ subject: "jobs", isBad: true, says }];
  }

  /** Takes free leases and renews held ones. A job that is new to this process starts at once. */
  async #renew(): Promise<void> {
    const { leases, process, timers } = this.#options;
    const before = new Set(this.#jobs.filter((job) => this.#holds(job)));
    const askedAt = timers.elapsedMs();
    const names = this.#jobs.map(({ name }) => name);
    this.#held = await leases.take(names, process, leaseMs);
    this.#renewedMs = askedAt;
    if (this.#isStopping) return;
    for (const [i, job] of this.#jobs.entries())
      if (this.#holds(job) && !before.has(job)) void this.#repeated[i]?.now();
  }

  #holds({ name }: Job): boolean {
    return this.#held.has(name) && this.#options.timers.elapsedMs() < this.#renewedMs + leaseMs;
  }

  async #run({ name, work, withinMs }: Job): Promise<void> {
    const { clock, newId, timers, log } = this.#options;
    const run = new AbortController();
    this.#runs.add(run);
    const context: Context = {
      actor: "system",
      correlationId: newId(JobRunId),
      deadlineMs: clock.unixMs() + withinMs,
    };
    try {
      const startedMs = timers.elapsedMs();
      const attributes = { "basalt.correlation_id": context.correlationId };
      await within(
        timers,
        withinMs,
        jobSpan(name, attributes, async () => throwFailures(await work(context, run.signal))),
      );
      log.debug({ job: name, durationMs: timers.elapsedMs() - startedMs }, "a background job ran");
    } finally {
      run.abort();
      this.#runs.delete(run);
    }
  }

  /** Waits a while for what is under way; the leases go to other processes in any case. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    for (const run of this.#runs) run.abort();
    await this.#inTime(this.#heartbeat?.[Symbol.asyncDispose]());
    await this.#inTime(
      Promise.all(this.#repeated.map((repeated) => repeated[Symbol.asyncDispose]())),
    );
    for (const job of this.#jobs) if (job.atTheEndToo) await this.#inTime(this.#run(job));
    await this.#inTime(this.#options.leases.release(this.#options.process));
  }

  async #inTime(work: PromiseLike<unknown> | undefined): Promise<void> {
    const { timers, log } = this.#options;
    if (work)
      await within(timers, drainMs, Promise.resolve(work)).catch((error: unknown) =>
        log.warn({ error: String(error) }, "a background job did not end with the process"),
      );
  }
}

function throwFailures(worked: Worked): void {
  if (worked && worked.failures.length > 0)
    throw new AggregateError(worked.failures, String(worked.failures[0]));
}
