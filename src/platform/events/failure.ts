import { inspect } from "node:util";
import type { Recorded } from "#kernel/event.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { Deferred, TimedOut, Unavailable } from "../unavailable.ts";
import type { Passed } from "./parked-streams.ts";
import { LeaseLost, type ParkedStream } from "./subscription-store.ts";

/** How failed events are tried again. */
export type RetryLimits = {
  /** Pause before the first retry of a failed event; doubles with each, with jitter. */
  readonly retryMs: number;
  readonly maxRetryMs: number;
  /** Attempts after which a failed event becomes a dead letter. */
  readonly maxAttempts: number;
  /** Longest pause while something is away that all events need. */
  readonly outageRetryMs: number;
  /** Longest pause of an event that the other side does not take now. */
  readonly deferredRetryMs: number;
  /** An event that is deferred for so long, or waits for something that is away, becomes a dead letter. */
  readonly maxOutageMs: number;
};

/** Errors after which a subscription must begin again from the stored state. */
export const isFatal = (error: unknown): boolean => isA(error, LeaseLost) || isOutage(error);

type Attempt = {
  readonly event: Recorded;
  readonly slot: number;
  /** How often it was tried, the failed attempt included; an outage or a deferral counts none. */
  readonly attempts: number;
  readonly since: Instant;
  readonly error: unknown;
};

type Options = {
  readonly limits: RetryLimits;
  readonly clock: Clock;
  /** A number in [0, 1), for jitter. */
  readonly chance: () => number;
};

/**
 * Whether something is away that all events need. A statement that took too long is the fault of
 * the event that asked it, as is everything else.
 */
export const isOutage = (error: unknown): boolean =>
  isA(error, Unavailable) && !isA(error, TimedOut);

/** Anything can be thrown. A revoked proxy, for one, throws when it is inspected. */
function isA<Kind extends Error>(
  thrown: unknown,
  kind: abstract new (...args: never[]) => Kind,
): thrown is Kind {
  try {
    return thrown instanceof kind;
  } catch {
    return false;
  }
}

/**
 * The stream of an event that failed: when it is tried again, or that it never is. What is not the
 * event's fault counts no attempt, and is bounded by time.
 */
export function parkedAfter(
  { event, slot, attempts, since, error }: Attempt,
  { limits, clock, chance }: Options,
): ParkedStream {
  const now = clock.now();
  const outage = isOutage(error);
  const isTimed = outage || isA(error, Deferred);
  const lastsMs = Instant.toUnixMs(now) - Instant.toUnixMs(since);
  const isDead = isTimed ? lastsMs >= limits.maxOutageMs : attempts >= limits.maxAttempts;
  const { retryMs, outageRetryMs, deferredRetryMs, maxRetryMs } = limits;
  const mostMs = outage ? outageRetryMs : isTimed ? deferredRetryMs : maxRetryMs;
  // Exponential, with jitter: as long again as it has lasted, or twice the pause before.
  const wantedMs = isTimed ? Math.max(retryMs, lastsMs) : retryMs * 2 ** (attempts - 1);
  const pauseMs = Math.min(wantedMs, mostMs) * (0.5 + chance() / 2);
  return {
    ...standing(event, slot, since),
    attempts: isTimed ? attempts - 1 : attempts,
    error: describe(error),
    isOutage: outage,
    ...(isDead
      ? { state: "dead" }
      : { state: "retrying", retryAt: Instant.plus(now, Math.ceil(pauseMs)) }),
  };
}

/** A parked stream that stands at an event. */
export const standing = (event: Passed, slot: number, since: Instant) => ({
  stream: event.stream,
  slot,
  version: event.version,
  eventId: event.id,
  eventType: event.type,
  correlationId: event.metadata.correlationId,
  since,
});

/** Characters of an error that is kept. */
export const maxErrorLength = 1_000;
const maxCauses = 10;
const maxErrors = 3;

/** The error of an event whose process has ended while it was handed over. */
export const processEnded = "The process ended during the attempt";

/** An error and its causes in one line, of bounded length, of characters that can be stored. */
export function describe(error: unknown): string {
  const parts = [textOf(error)];
  for (let cause = causeOf(error); cause !== undefined && parts.length < maxCauses;) {
    parts.push(textOf(cause));
    cause = causeOf(cause);
  }
  return parts.join(": ").slice(0, maxErrorLength).replaceAll("\0", "�").toWellFormed();
}

/** A cause may be computed, and so may throw. */
function causeOf(thrown: unknown): unknown {
  try {
    return isA(thrown, Error) ? thrown.cause : undefined;
  } catch {
    return undefined;
  }
}

function textOf(thrown: unknown): string {
  try {
    if (typeof thrown === "string") return thrown;
    if (!isA(thrown, Error))
      return `${inspect(thrown, { breakLength: Infinity, depth: 1 })} was thrown`;
    const inner = isA(thrown, AggregateError) ? thrown.errors : [];
    return [String(thrown), ...inner.slice(0, maxErrors).map(textOf)].join(": ");
  } catch {
    return "something without a text was thrown";
  }
}
