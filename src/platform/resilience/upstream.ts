import {
  bulkhead,
  BulkheadRejectedError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleWhen,
  isBrokenCircuitError,
  retry,
  TaskCancelledError,
  timeout,
  TimeoutStrategy,
  wrap,
} from "cockatiel";
import type { Clock } from "#kernel/instant.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { Unavailable } from "../unavailable.ts";

/** The upstream refused; a retry would not change its answer. */
export class UpstreamRefused extends Unavailable {}

export type UpstreamLimits = {
  /** How long one attempt may take. */
  readonly attemptMs: number;
  readonly retries: number;
  /** Pause before the first retry; doubles, with jitter. */
  readonly retryMs: number;
  /** Failures in a row that open the circuit. */
  readonly breakAfter: number;
  /** How long the circuit stays open before a probe. */
  readonly breakMs: number;
  /** Calls at once, and those that wait for one of them. */
  readonly atOnce: number;
  readonly waiting: number;
};

export const defaultLimits: UpstreamLimits = {
  attemptMs: 100,
  retries: 2,
  retryMs: 10,
  breakAfter: 5,
  breakMs: 2_000,
  atOnce: 64,
  waiting: 64,
};

type Options = {
  readonly name: string;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly limits?: Partial<UpstreamLimits>;
};

/** Calls an upstream that may be slow, away or wrong. Every failure becomes `Unavailable`. */
export type Upstream = <T>(
  work: (signal: AbortSignal) => Promise<T>,
  deadlineMs: number,
) => Promise<T>;

/**
 * For calls that change nothing: these may be repeated. Retry outside of the breaker, which counts
 * attempts; a limit of calls at once, so that a slow upstream takes only its share; a time for each
 * attempt, and one for all of them.
 */
export function upstream({ name, clock, metrics, limits }: Options): Upstream {
  const { attemptMs, retries, retryMs, ...most } = { ...defaultLimits, ...limits };
  const breaker = circuitBreaker(
    handleWhen((error) => !isNoFault(error)),
    { halfOpenAfter: most.breakMs, breaker: new ConsecutiveBreaker(most.breakAfter) },
  );
  const policy = wrap(
    retry(
      handleWhen((error) => !isFinal(error)),
      {
        maxAttempts: retries,
        backoff: new ExponentialBackoff({ initialDelay: retryMs }),
      },
    ),
    breaker,
    bulkhead(most.atOnce, most.waiting),
    timeout(attemptMs, TimeoutStrategy.Aggressive),
  );
  metrics.breakers.set(name, () => breaker.state !== CircuitState.Closed);
  const count = (outcome: string) => metrics.upstreamCalls.inc({ upstream: name, outcome });

  return async (work, deadlineMs) => {
    const leftMs = deadlineMs - clock.unixMs();
    if (leftMs <= 0) throw new Unavailable(`No time is left to ask ${name}`, {});
    const over = AbortSignal.timeout(leftMs);
    try {
      const answer = await beforeOver(
        over,
        policy.execute(({ signal }) => work(signal), over),
      );
      count("ok");
      return answer;
    } catch (error) {
      count(kindOf(error));
      if (error instanceof Unavailable) throw error;
      throw new Unavailable(`${name} does not answer as it should`, { cause: error });
    }
  };
}

/** It answered, or was not even asked. */
const isNoFault = (error: unknown): boolean =>
  error instanceof UpstreamRefused || error instanceof BulkheadRejectedError;

/** Asking again at once would not help. */
const isFinal = (error: unknown): boolean => isNoFault(error) || isBrokenCircuitError(error);

function kindOf(error: unknown): string {
  if (error instanceof UpstreamRefused) return "refused";
  if (isBrokenCircuitError(error)) return "broken";
  if (error instanceof BulkheadRejectedError) return "full";
  return error instanceof TaskCancelledError || isAbort(error) ? "late" : "failed";
}

const isAbort = (error: unknown): boolean =>
  error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");

/** Answers in time, even if the work ignores its signal. */
async function beforeOver<T>(over: AbortSignal, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const onAbort = () => late.reject(over.reason as Error);
  over.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    over.removeEventListener("abort", onAbort);
  }
}
