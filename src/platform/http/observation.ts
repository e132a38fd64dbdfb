import type { FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { Metrics } from "../telemetry/metrics.ts";
import { problemCodeOf } from "./answers.ts";
import { stopwatch } from "../telemetry/stopwatch.ts";

type ObservationOptions = { readonly log: Logger; readonly metrics: Metrics };

/** The logger and the histograms of a route, made at its first request. */
type RouteObserver = {
  readonly log: Logger;
  readonly durations: Map<number, { observe: (seconds: number) => void }>;
};

/** Counts and logs each request once, however it ends: with an answer or a closed connection. */
export function observeRequests({ metrics, log }: ObservationOptions) {
  const observers = new Map<string, RouteObserver>();
  const observerOf = (method: string, route: string): RouteObserver => {
    const key = `${method} ${route}`;
    let observer = observers.get(key);
    if (!observer) {
      observer = { log: log.child({ method, route }), durations: new Map() };
      observers.set(key, observer);
    }
    return observer;
  };

  return (request: FastifyRequest, reply: FastifyReply, next: () => void): void => {
    const seconds = stopwatch();
    const route = request.routeOptions?.url ?? "unknown"; // none where the router refuses a path
    const { method, id: correlationId } = request;
    const observer = observerOf(method, route);
    reply.raw.once("close", () => {
      const durationS = seconds();
      const status = reply.raw.statusCode;
      let histogram = observer.durations.get(status);
      if (!histogram) {
        histogram = metrics.requests.labels(method, route, String(status));
        observer.durations.set(status, histogram);
      }
      histogram.observe(durationS);
      const code = problemCodeOf(reply);
      const line = {
        status,
        ...(code === undefined ? {} : { code }),
        durationMs: rounded(durationS * 1_000),
        correlationId,
      };
      if (!reply.raw.writableFinished) observer.log.info({ ...line, aborted: true }, "request");
      else if (status >= 500) observer.log.warn(line, "request");
      else observer.log.info(line, "request");
    });
    next();
  };
}

const rounded = (durationMs: number) => Math.round(durationMs * 1000) / 1000;
