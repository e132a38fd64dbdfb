import cors from "@fastify/cors";
import swagger from "@fastify/swagger";
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import type { ErrorObject } from "ajv";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Logger } from "pino";
import { IdempotencyKeyReused } from "../idempotency.ts";
import { Unavailable } from "../unavailable.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { span, withinTrace } from "../telemetry/tracing.ts";
import { correlationIdOf } from "./correlation.ts";
import {
  entityTag,
  idempotencyKeyOf,
  isFresh,
  versionOf,
  type Malformed,
} from "./preconditions.ts";
import { problem, problemMediaType, problemSchema, typeOfStatus, type Problem } from "./problem.ts";
import type { Route } from "./route.ts";
import { compile, fastifySchema, issuesOf } from "./schemas.ts";

export type HttpOptions = {
  readonly routes: readonly Route[];
  readonly apiPrefix: string;
  readonly version: string;
  readonly production: boolean;
  readonly corsOrigins: readonly string[];
  readonly bodyLimitBytes: number;
  readonly requestTimeoutMs: number;
  readonly maxRequestsInFlight: number;
  readonly trustProxy: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
};

/** For JSON that no browser should frame, sniff, keep or run. Source: OWASP REST cheat sheet. */
const securityHeaders = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
};

/** Where Basalt is served over TLS, by itself or by a proxy in front of it. */
const productionHeaders = {
  ...securityHeaders,
  "strict-transport-security": "max-age=31536000; includeSubDomains",
};

const headersTimeoutMs = 10_000;
const bodyTimeoutMs = 30_000;
const developmentOrigins = [/^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/];
/** Answered whatever the load: what tells an operator about it. */
const neverShed = new Set(["/health", "/health/ready", "/metrics"]);

/** Fastify with Basalt's manners: problems, limits, one log line a request, OpenAPI. */
export async function createHttpServer(options: HttpOptions): Promise<FastifyInstance> {
  const app = Fastify({
    bodyLimit: options.bodyLimitBytes,
    trustProxy: options.trustProxy,
    genReqId: ({ headers }) => correlationIdOf(headers),
    requestTimeout: bodyTimeoutMs,
    forceCloseConnections: "idle",
    http: { headersTimeout: headersTimeoutMs },
    clientErrorHandler: answerGarbage,
    frameworkErrors: (error, request, reply) => void answerError(options, error, request, reply),
    routerOptions: { maxParamLength: 200 },
  });
  app.addSchema(problemSchema);
  app.setValidatorCompiler(compile);
  app.addHook("onRequest", observeAndShed(options));
  app.setErrorHandler((error: FastifyError, request, reply) =>
    answerError(options, error, request, reply),
  );
  app.setNotFoundHandler(answerUnknownPath(options));

  const origins = options.production ? [] : developmentOrigins;
  await app.register(cors, {
    origin: [...origins, ...options.corsOrigins],
    methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    exposedHeaders: ["etag", "location", "retry-after", "x-request-id"],
    maxAge: 600,
  });
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Basalt",
        description:
          "People, files, products and money: the backend that nearly every product needs",
        version: options.version,
        license: { name: "MIT", identifier: "MIT" },
      },
    },
    refResolver: { buildLocalReference: (json) => json["$id"] as string },
  });
  app.get("/openapi.json", { schema: { hide: true } }, () => app.swagger());
  for (const route of options.routes) serve(app, route, options);
  return app;
}

function serve(app: FastifyInstance, route: Route, options: HttpOptions): void {
  const unsafe = route.method !== "GET";
  const operation = `${route.method} ${route.path}`;
  const { present = (value: unknown) => value } = route;

  const contextOf = (request: FastifyRequest, input: unknown) => {
    const key = idempotencyKeyOf(unsafe ? request.headers["idempotency-key"] : undefined, {
      operation,
      input,
    });
    if (!key.ok) return key;
    const context: Context = {
      actor: "anonymous",
      correlationId: request.id,
      deadlineMs: options.clock.unixMs() + options.requestTimeoutMs,
      ...(key.value === undefined ? {} : { idempotency: key.value }),
    };
    return { ok: true, value: context } as const;
  };

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const matched = versionOf(route.ifMatch && request.headers["if-match"]);
    if (!matched.ok) return sendMalformed(reply, request, matched.error);
    if (matched.value === -1)
      return sendProblem(reply, preconditionFailed(request, "A weak entity tag matches nothing"));

    const input = route.input.parse({
      ...(request.query as object),
      ...(request.body as object | undefined),
      ...(request.params as object),
      ...(route.ifMatch === undefined || matched.value === undefined
        ? {}
        : { [route.ifMatch]: matched.value }),
    });
    const correlationId = request.id;
    if (!input.ok)
      return sendProblem(
        reply,
        problem("validation-failed", { status: 422, correlationId, errors: input.error.issues }),
      );
    const context = contextOf(request, input.value);
    if (!context.ok) return sendMalformed(reply, request, context.error);

    const result = await route.handle(input.value, context.value);
    if (!result.ok) {
      const { type, ...details } = result.error;
      const status = route.refusals[type];
      if (status === undefined) throw new Error(`${operation} knows no status for ${type}`);
      return sendProblem(reply, problem(type, { status, correlationId, details }));
    }
    const { value } = result;
    if (route.location) reply.header("location", options.apiPrefix + route.location(value));
    if (route.version) {
      const tag = entityTag(route.version(value));
      reply.header("etag", tag);
      if (!unsafe && isFresh(request.headers["if-none-match"], tag)) return reply.code(304).send();
    }
    return reply.code(route.success).send(route.output ? present(value) : undefined);
  }

  const attributes = { "http.request.method": route.method, "http.route": route.path };
  app.route({
    method: route.method,
    url: options.apiPrefix + route.path,
    schema: fastifySchema(route),
    handler: (request, reply) =>
      withinTrace(request.headers, () =>
        span(operation, { ...attributes, "basalt.correlation_id": request.id }, () =>
          answer(request, reply),
        ),
      ),
  });
}

/** What is known of a route before its first request: a logger, and a histogram per status. */
type RouteObserver = {
  readonly log: Logger;
  readonly durations: Map<number, { observe: (seconds: number) => void }>;
};

/** Sheds what is over the limit; counts and logs each request once, however it ends. */
function observeAndShed({ maxRequestsInFlight, metrics, log, production }: HttpOptions) {
  const headers = production ? productionHeaders : securityHeaders;
  let inFlight = 0;
  metrics.gauge("basalt_http_requests_in_flight", "Requests worked on now", [], (gauge) =>
    gauge.set(inFlight),
  );
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
    const startedAt = performance.now();
    const route = request.routeOptions.url ?? "unknown";
    const { method, id: correlationId } = request;
    const observer = observerOf(method, route);
    inFlight += 1;
    reply.raw.once("close", () => {
      inFlight -= 1;
      const durationMs = performance.now() - startedAt;
      const status = reply.raw.statusCode;
      let histogram = observer.durations.get(status);
      if (!histogram) {
        histogram = metrics.requests.labels(method, route, String(status));
        observer.durations.set(status, histogram);
      }
      histogram.observe(durationMs / 1000);
      const line = { status, durationMs: rounded(durationMs), correlationId };
      if (!reply.raw.writableFinished) observer.log.info({ ...line, aborted: true }, "request");
      else if (status >= 500) observer.log.warn(line, "request");
      else observer.log.info(line, "request");
    });
    reply.headers(headers).header("x-request-id", correlationId);
    if (inFlight > maxRequestsInFlight && !neverShed.has(route)) {
      metrics.shed.inc();
      void sendProblem(reply, overloaded(correlationId));
      return;
    }
    next();
  };
}

const rounded = (durationMs: number) => Math.round(durationMs * 1000) / 1000;

const overloaded = (correlationId: string) =>
  problem("unavailable", {
    status: 503,
    correlationId,
    detail: "Too many requests are in flight",
  });

const preconditionFailed = ({ id }: FastifyRequest, detail: string) =>
  problem("precondition-failed", { status: 412, correlationId: id, detail });

function sendProblem(reply: FastifyReply, body: Problem, retryAfterS = 1): FastifyReply {
  if (body.status === 503) reply.header("retry-after", String(retryAfterS));
  return reply
    .code(body.status)
    .header("content-type", problemMediaType)
    .serializer(JSON.stringify)
    .send(body);
}

const sendMalformed = (reply: FastifyReply, { id }: FastifyRequest, { issue }: Malformed) =>
  sendProblem(
    reply,
    problem("validation-failed", { status: 400, correlationId: id, errors: [issue] }),
  );

/** Everything that no handler answered: bad requests, outages, and bugs, which tell nothing. */
function answerError(
  { log }: HttpOptions,
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const correlationId = request.id;
  if (error.validation) {
    const errors = issuesOf(error.validation as ErrorObject[], error.validationContext);
    return sendProblem(reply, problem("validation-failed", { status: 400, correlationId, errors }));
  }
  if (error instanceof Unavailable)
    return sendProblem(
      reply,
      problem("unavailable", { status: 503, correlationId, detail: error.message }),
      error.retryAfterS,
    );
  if (error instanceof IdempotencyKeyReused)
    return sendProblem(
      reply,
      problem("idempotency-key-reused", {
        status: 422,
        correlationId,
        detail: "This key was sent before with another request",
      }),
    );
  const status = error.statusCode ?? 500;
  if (status >= 500 && status !== 503) {
    log.error({ correlationId, err: error }, "a request broke");
    return sendProblem(reply, problem("internal-error", { status: 500, correlationId }));
  }
  const invalidJson = error.code?.startsWith("FST_ERR_CTP_") && status === 400;
  const type = invalidJson ? "validation-failed" : typeOfStatus(status);
  const detail = status === 503 ? "The deadline of the request has passed" : error.message;
  return sendProblem(reply, problem(type, { status, correlationId, detail }));
}

/** 405 where another method would be answered, else 404. */
function answerUnknownPath({ routes, apiPrefix }: HttpOptions) {
  const known = routes.map(({ method, path }) => ({
    method,
    pattern: new RegExp(`^${apiPrefix}${path.replaceAll(/:\w+/g, "[^/]+")}$`),
  }));
  return (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = request.url.split("?")[0] ?? "/";
    const allowed = known.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    if (allowed.length > 0) reply.header("allow", [...new Set(allowed)].join(", "));
    const status = allowed.length > 0 ? 405 : 404;
    return sendProblem(reply, problem(typeOfStatus(status), { status, correlationId: request.id }));
  };
}

const statusOfParserError: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** What is not HTTP never becomes a request: answered on the bare socket. */
function answerGarbage(
  this: FastifyInstance,
  error: Error & { readonly code?: string },
  socket: Socket & { readonly parser?: { readonly incoming?: IncomingMessage } },
): void {
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) return;
  const status = statusOfParserError[error.code ?? ""] ?? 400;
  const correlationId = correlationIdOf({});
  const body = JSON.stringify(problem(typeOfStatus(status), { status, correlationId }));
  socket.end(
    `HTTP/1.1 ${status} Bad Request\r\ncontent-type: ${problemMediaType}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
