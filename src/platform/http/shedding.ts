import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { FastifyServerFactory, FastifyServerOptions } from "fastify";
import type { Logger } from "pino";
import type { Metrics } from "../telemetry/metrics.ts";
import { Admission } from "./admission.ts";
import { overloaded } from "./answers.ts";
import { hasBody, lingerSilentMs } from "./arrival.ts";
import { correlationIdOf } from "./correlation.ts";
import { problemMediaType } from "./problem.ts";

/** So few requests are worked on whatever is waited for: one of them is slow, not many. */
const alwaysTaken = 32;
/** Paths that are answered under any load, since operators watch them. */
const neverShed = new Set(["/health", "/health/ready", "/metrics"]);
const logEveryMs = 1_000;

/** Emitted by a response that will go on for long, and hardly be worked on: it counts no more. */
export const streaming = Symbol("streaming");

/** A body that was sent with its request has arrived by then. */
const arrivalMs = 100;

/** Where a body is still arriving after so long. Most have come with their requests. */
function whereIncomplete(request: IncomingMessage, ms: number, act: () => void): void {
  if (!hasBody(request)) return;
  setImmediate(() => {
    if (!request.complete) setTimeout(() => void (request.complete || act()), ms).unref();
  });
}

type SheddingOptions = {
  readonly maxRequestsInFlight: number;
  /** Asks the least of what all requests share; its delay shows overload. */
  readonly probe: () => Promise<unknown>;
  /** The headers of every answer. */
  readonly headers: Readonly<Record<string, string>>;
  readonly metrics: Metrics;
  readonly log: Logger;
};

/** Answers 503 at once, and tells the log once in a while. */
function refusing({ metrics, log, headers }: SheddingOptions) {
  const all = { ...headers, "content-type": problemMediaType, "retry-after": "1" };
  let refused = 0;
  const tell = () => {
    log.warn({ refused }, "requests are refused with 503: the server is overloaded");
    refused = 0;
  };
  return (request: IncomingMessage, response: ServerResponse): void => {
    metrics.shed.inc();
    if (refused === 0) setTimeout(tell, logEveryMs).unref();
    refused += 1;
    const correlationId = correlationIdOf(request.headers);
    const body = JSON.stringify(overloaded(correlationId));
    const own = { "x-request-id": correlationId, "content-length": Buffer.byteLength(body) };
    response.writeHead(503, { ...all, ...own }).end(body);
    whereIncomplete(request, lingerSilentMs, () => request.socket.destroy());
  };
}

/**
 * A server that refuses what is too much before anything else is done about it: a refusal that cost
 * as much as an answer would help nobody.
 */
export function sheddingServer(options: SheddingOptions): FastifyServerFactory {
  const { metrics, probe } = options;
  const refuse = refusing(options);
  const admission = new Admission({ most: options.maxRequestsInFlight, least: alwaysTaken, probe });
  let inFlight = 0;
  metrics.gauge("basalt_http_requests_in_flight", "Requests worked on now", [], (gauge) =>
    gauge.set(inFlight),
  );
  /** Among those that are worked on, until the response is written, is over or streams. */
  const placeOf = (response: ServerResponse) => {
    let [isTaken, isOver] = [false, false];
    const leave = () => {
      if (isTaken) inFlight -= 1;
      isTaken = false;
    };
    const take = () => {
      if (isTaken || isOver) return;
      isTaken = true;
      inFlight += 1;
    };
    const end = () => {
      leave();
      isOver = true;
    };
    response.once("close", end).once(streaming, end);
    // Whoever does not read what is written takes nobody's place.
    const write = response.end.bind(response);
    response.end = ((...given: Parameters<typeof write>) => {
      end();
      return write(...given);
    }) as typeof response.end;
    return { take, leave };
  };
  return (handle, settings) => {
    const {
      http: parsing,
      keepAliveTimeout,
      requestTimeout,
      connectionTimeout,
    } = settings as FastifyServerOptions & { readonly http: http.ServerOptions };
    const server = http.createServer(parsing, (request, response) => {
      if (!admission.admits(inFlight) && !neverShed.has(request.url?.split("?")[0] ?? ""))
        return refuse(request, response);
      const place = placeOf(response);
      place.take();
      // A slow sender gives its place to others until its whole request has arrived.
      whereIncomplete(request, arrivalMs, () => {
        place.leave();
        request.once("end", place.take);
      });
      return handle(request, response);
    });
    return Object.assign(server, { keepAliveTimeout, requestTimeout }).setTimeout(
      connectionTimeout,
    );
  };
}
