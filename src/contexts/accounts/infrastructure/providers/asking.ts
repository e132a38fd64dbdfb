import { below } from "#platform/address.ts";
import { createHash } from "node:crypto";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { AskedToWait, fetchText, type Answered } from "#platform/resilience/fetch-json.ts";
import { upstream } from "#platform/resilience/upstream.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import { Unavailable } from "#platform/unavailable.ts";
import type { FailureReason } from "../../domain/provider.ts";
import type { ProviderFailure } from "../../application/ports/providers.ts";
import { readJson } from "./json.ts";

/** What a customer of a provider may ask in a minute. */
export type Budget = { readonly requests: number; readonly perS: number };

type Options = {
  readonly name: string;
  readonly baseUrl: string;
  readonly budget: Budget;
  /** Of one answer: 1 MiB unless said. */
  readonly maxBytes?: number;
  readonly clock: Clock;
  readonly metrics: Metrics;
};

/** A provider may think for long, but not for ever; its customers share what it can do at once. */
const limits = {
  attemptMs: 8_000,
  retries: 1,
  retryMs: 100,
  breakAfter: 10,
  breakMs: 5_000,
  atOnce: 8,
  waiting: 64,
};
/** Longest wait that a provider can ask for. */
const mostRetryAfterMs = 24 * 3_600_000;

const failure = (reason: FailureReason, retryAfterMs?: number): Result<never, ProviderFailure> =>
  err({
    type: "provider-failure",
    reason,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });

/** `Retry-After`, in seconds or as a date, in milliseconds from now; undefined where it says neither. Source: RFC 9110, 10.2.3. */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  const said = header?.trim() ?? "";
  const isDate = /^[A-Za-z]{3,9},? .*GMT$/.test(said);
  const ms = isDate ? Date.parse(said) - nowMs : /^\d+$/.test(said) ? Number(said) * 1_000 : NaN;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), mostRetryAfterMs);
}

/** What is wrong by the status of an answer; any other status says that the provider does not allow it. */
const reasons: Readonly<Record<number, FailureReason>> = {
  401: "login-lost",
  408: "unavailable",
  425: "unavailable",
  429: "rate-limited",
};
const [firstSuccess, lastSuccess] = [200, 299];

/** A question of one customer, whose budget goes by `customer`: all that they show, so that nobody spends the budget of another. */
export type Question = {
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly customer: string;
};

/** Asks a provider for JSON. Each failure is a refusal that says what it is. */
export function asking({ name, baseUrl, budget, maxBytes, clock, metrics }: Options) {
  const call = upstream({ name, clock, metrics, limits });
  const spent = new RateLimiterMemory({ points: budget.requests, duration: budget.perS });

  function read({ status, headers, text }: Answered): Result<unknown, ProviderFailure> {
    if (status === 200) return readJson(text);
    if (status >= firstSuccess && status <= lastSuccess) return failure("unreadable");
    const after = retryAfterMs(headers.get("retry-after"), clock.unixMs());
    return failure(reasons[status] ?? "refused", after);
  }

  return async (
    { path, query = {}, headers, customer }: Question,
    { deadlineMs, correlationId }: Context,
  ): Promise<Result<unknown, ProviderFailure>> => {
    const url = new URL(below(baseUrl, path));
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    try {
      await spent.consume(createHash("sha256").update(customer).digest("base64"));
      return read(
        await call(
          (signal) => fetchText(url, { signal, correlationId, headers, maxBytes }),
          deadlineMs,
        ),
      );
    } catch (error) {
      if (error instanceof RateLimiterRes) return failure("rate-limited", error.msBeforeNext);
      if (error instanceof AskedToWait)
        return failure("unavailable", retryAfterMs(error.retryAfter, clock.unixMs()));
      if (error instanceof Unavailable) return failure("unavailable");
      throw error;
    }
  };
}

/** The records of an array; anything else is unreadable. */
export const recordsOf = (answer: unknown): Result<readonly unknown[], ProviderFailure> =>
  Array.isArray(answer) ? ok(answer) : failure("unreadable");
