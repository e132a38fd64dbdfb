import { Readable } from "node:stream";
import cors from "@fastify/cors";
import swagger from "@fastify/swagger";
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Logger } from "pino";
import { toText } from "../json.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { span, withinTrace } from "../telemetry/tracing.ts";
import { correlationIdOf } from "./correlation.ts";
import {
  answerError,
  answerGarbage,
  answerUnknownPath,
  overloaded,
  sendMalformed,
  sendProblem,
} from "./answers.ts";
import { gate, limitAttempts, originOf, requireAccessRules, type GateOptions } from "./gate.ts";
import { entityTag, idempotencyKeyOf, isFresh, versionOf } from "./preconditions.ts";
import { problem, problemSchema } from "./problem.ts";
import {
  hangUpOnTheSilent,
  isGone,
  limitArrival,
  takingFiles,
  uploadTimeoutMs,
} from "./arrival.ts";
import { versionField, type Route } from "./route.ts";
import { sheddingServer, streaming } from "./shedding.ts";
import { bearerScheme, compile, fastifySchema, requiresMatch, takesMatch } from "./schemas.ts";

export type HttpOptions = GateOptions & {
  readonly routes: readonly Route[];
  readonly apiPrefix: string;
  readonly version: string;
  readonly production: boolean;
  readonly corsOrigins: readonly string[];
  readonly bodyLimitBytes: number;
  readonly requestTimeoutMs: number;
  readonly maxRequestsInFlight: number;
  /** The least that a request asks of what all of them share. */
  readonly probe: () => Promise<unknown>;
  /** How many proxies, or which: addresses and networks. Nobody if empty. */
  readonly trustProxy: string;
  /** Of a request, for its idempotency key: by each master key, since requests may hold passwords. */
  readonly fingerprints: (request: string) => readonly [string, ...string[]];
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
};

/** For JSON that no browser should frame, sniff, keep or run. Source: OWASP REST cheat sheet. */
const securityHeaders = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
};

/** Where Basalt is served over TLS, by itself or by a proxy in front of it. */
const productionHeaders = {
  ...securityHeaders,
  "strict-transport-security": "max-age=31536000; includeSubDomains",
};

const headersOf = ({ production }: HttpOptions) =>
  production ? productionHeaders : securityHeaders;

const open = { schema: { hide: true }, config: { access: "anyone" } } as const;
const headersTimeoutMs = 10_000;
/** How often connections are looked at that are too slow. */
const checkEveryMs = 1_000;
const developmentOrigins = [/^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/];

/** Fastify with Basalt's manners: problems, limits, one log line a request, OpenAPI. */
export async function createHttpServer(options: HttpOptions): Promise<FastifyInstance> {
  const app = Fastify({
    bodyLimit: options.bodyLimitBytes,
    trustProxy: proxiesOf(options.trustProxy),
    genReqId: ({ headers }) => correlationIdOf(headers),
    requestTimeout: uploadTimeoutMs,
    forceCloseConnections: "idle",
    http: { headersTimeout: headersTimeoutMs, connectionsCheckingInterval: checkEveryMs },
    serverFactory: sheddingServer({ ...options, headers: headersOf(options) }),
    clientErrorHandler: answerGarbage,
    frameworkErrors: (error, request, reply) =>
      void answerError(options.log, error, request, reply),
    routerOptions: { maxParamLength: 1_500 },
  });
  app.removeContentTypeParser("text/plain"); // a body is JSON, which no foreign form can send
  requireAccessRules(app);
  app.addSchema(problemSchema);
  app.setValidatorCompiler(compile);
  app.addHook("onRequest", observe(options));
  app.addHook("onRequest", limitArrival());
  app.setErrorHandler((error: FastifyError, request, reply) =>
    answerError(options.log, error, request, reply),
  );
  app.setNotFoundHandler(answerUnknownPath(options));

  const origins = options.production ? [] : developmentOrigins;
  await app.register(cors, {
    origin: [...origins, ...options.corsOrigins],
    methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    exposedHeaders: [
      ...["etag", "location", "retry-after", "x-request-id"],
      ...["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
    ],
    maxAge: 600,
  });
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Basalt",
        description:
          "The backend that nearly every product needs: people, files, products and money",
        version: options.version,
        license: { name: "MIT", identifier: "MIT" },
      },
      servers: [{ url: "/", description: "The server that answered with this document" }],
      components: { securitySchemes: bearerScheme },
    },
    refResolver: { buildLocalReference: (json) => json["$id"] as string },
  });
  app.get("/openapi.json", open, () => app.swagger());
  hangUpOnTheSilent(app);
  const closing = new AbortController();
  app.addHook("preClose", (done) => {
    closing.abort();
    done();
  });
  const serving = { ...options, closing: closing.signal };
  for (const route of options.routes) {
    const { upload } = route;
    if (upload)
      await app.register(async (apart) => serve(takingFiles(upload, apart), route, serving));
    else serve(app, route, serving);
  }
  return app;
}

function proxiesOf(setting: string) {
  if (setting === "") return false;
  const count = /^\d+$/.test(setting) ? Number(setting) : undefined;
  return count === undefined ? setting : (_address: string, hop: number) => hop < count;
}

/** Answers of one route that are streamed at once: each asks the database again and again, or holds rows. */
const maxStreams = 64;

/** `closing`: Basalt is about to stop. */
type Serving = HttpOptions & { readonly closing: AbortSignal };

function serve(app: FastifyInstance, route: Route, options: Serving): void {
  const [unsafe, operation] = [route.method !== "GET", `${route.method} ${route.path}`];
  const [attempts, unmetPrecondition] = [limitAttempts(options), preconditionOf(route)];
  const [mayStream, mayMatch] = [limitStreams(route), takesMatch(route)];

  const contextOf = (request: FastifyRequest, input: unknown) => {
    const key = idempotencyKeyOf(unsafe ? request.headers["idempotency-key"] : undefined, () =>
      options.fingerprints(`${operation}\n${toText(input)}`),
    );
    if (!key.ok) return key;
    const context: Context = {
      ...request.principal,
      origin: originOf(request),
      correlationId: request.id,
      deadlineMs: options.clock.unixMs() + options.requestTimeoutMs,
      ...(key.value === undefined ? {} : { idempotency: key.value }),
    };
    return { ok: true, value: context } as const;
  };

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const matched = versionOf(mayMatch ? request.headers["if-match"] : undefined);
    if (!matched.ok) return sendMalformed(reply, request, matched.error);
    const unmet = unmetPrecondition(request, matched.value);
    if (unmet) return sendProblem(reply, unmet);
    if (!mayStream(reply)) return sendProblem(reply, overloaded(request.id));

    const input = route.input.parse({
      ...(request.query as object),
      ...bodyOf(route, request),
      ...(request.params as object),
      ...(matched.value === undefined ? {} : { [versionField]: matched.value }),
    });
    const { id: correlationId } = request;
    if (!input.ok)
      return sendProblem(
        reply,
        problem("validation-failed", { status: 422, correlationId, errors: input.error.issues }),
      );
    const context = contextOf(request, input.value);
    if (!context.ok) return sendMalformed(reply, request, context.error);
    const attempt = route.attempts && (await attempts(route.attempts, request, reply, input.value));
    if (attempt && !attempt.isAllowed) return reply;

    const result = await route.handle(input.value, context.value);
    if (!result.ok) return refuse(route, reply, result.error, correlationId);
    await attempt?.succeeded();
    const { value } = result;
    if (route.location) reply.header("location", options.apiPrefix + route.location(value));
    if (route.version) {
      const tag = entityTag(route.version(value));
      reply.header("etag", tag);
      if (!unsafe && !route.isComposed && isFresh(request.headers["if-none-match"], tag))
        return reply.code(304).send();
    }
    return succeed(route, reply.code(route.success), value, options.closing);
  }

  const attributes = { "http.request.method": route.method, "http.route": route.path };
  app.route({
    method: route.method,
    url: options.apiPrefix + route.path,
    schema: fastifySchema(route),
    config: { access: route.access, takesFiles: route.upload !== undefined },
    onRequest: gate(options, route.access),
    handler: (request, reply) =>
      withinTrace(request.headers, () =>
        span(operation, { ...attributes, "basalt.correlation_id": request.id }, () =>
          answer(request, reply),
        ),
      ),
  });
}

function limitStreams({ stream }: Route): (reply: FastifyReply) => boolean {
  if (!stream) return () => true;
  let streams = 0;
  return (reply) => {
    if (streams >= maxStreams || isGone(reply)) return false;
    streams += 1;
    reply.raw.once("close", () => (streams -= 1));
    return true;
  };
}

/** The fields that come with the body: of its JSON, or the one that is made of it as it arrives. */
const bodyOf = ({ upload }: Route, { body }: FastifyRequest): object | undefined =>
  upload
    ? { [upload.field]: upload.read((body as Readable | undefined) ?? Readable.from([])) }
    : (body as object | undefined);

/** What breaks while it is streamed ends the connection: nobody takes a part for the whole. */
function succeed(
  { stream, output, present }: Route,
  reply: FastifyReply,
  value: unknown,
  closing: AbortSignal,
) {
  if (stream) {
    reply.raw.emit(streaming);
    const text = Readable.from(stream.of(value, closing));
    return reply.header("content-type", stream.mediaType).send(text);
  }
  return reply.send(output && present ? present(value) : output && value);
}

/** The status of a refusal; its details go along. */
function refuse(
  { method, path, refusals }: Route,
  reply: FastifyReply,
  { type, ...details }: { readonly type: string; readonly retryAfterS?: number },
  correlationId: string,
): FastifyReply {
  const status = refusals[type];
  if (status === undefined) throw new Error(`${method} ${path} knows no status for ${type}`);
  return sendProblem(reply, problem(type, { status, correlationId, details }), details.retryAfterS);
}

/** What is known of a route before its first request: a logger, and a histogram per status. */
type RouteObserver = {
  readonly log: Logger;
  readonly durations: Map<number, { observe: (seconds: number) => void }>;
};

/** Counts and logs each request once, however it ends. */
function observe(options: HttpOptions) {
  const { metrics, log } = options;
  const headers = headersOf(options);
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
    reply.raw.once("close", () => {
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
    next();
  };
}

const rounded = (durationMs: number) => Math.round(durationMs * 1000) / 1000;

/** What is wrong with the version that a request names, or with its naming none. */
function preconditionOf(route: Route) {
  const isRequired = requiresMatch(route);
  return ({ id: correlationId }: FastifyRequest, version: number | undefined) => {
    if (version === -1)
      return problem("precondition-failed", {
        ...{ status: 412, correlationId, detail: "A weak entity tag matches nothing" },
      });
    if (isRequired && version === undefined)
      return problem("precondition-required", {
        ...{ status: 428, correlationId },
        detail: "If-Match must name the version to change, as its ETag does",
      });
    return undefined;
  };
}
