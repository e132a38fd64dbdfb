import type { Server } from "node:http";
import cors from "@fastify/cors";
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import type { Metrics } from "../telemetry/metrics.ts";
import { answerError, answerGarbage, answerUnknownPath } from "./answers.ts";
import {
  hangUpOnTheSilent,
  limitArrival,
  requireOneHost,
  requirePlain,
  uploadTimeoutMs,
} from "./arrival.ts";
import { limitConnections } from "./connections.ts";
import { correlationIdOf } from "./correlation.ts";
import { countUngated, requireAccessRules } from "./gate.ts";
import { observeRequests } from "./observation.ts";
import { takeJson } from "./json-body.ts";
import { serveOpenApi } from "./openapi.ts";
import { problemSchema } from "./problem.ts";
import type { Route } from "./route.ts";
import { hangUpOnTheUnreading } from "./unread.ts";
import { takingFiles } from "./uploads.ts";
import { componentsOf } from "./schemas.ts";
import { compile } from "./validating.ts";
import { securityHeaders } from "./security-headers.ts";
import { serializersOf } from "./serializers.ts";
import type { Door } from "./door.ts";
import { knowMethods, serveDoor } from "./serve-door.ts";
import { serveRoute, type ServingOptions } from "./serve-route.ts";
import { sheddingServer } from "./shedding.ts";

export type HttpOptions = ServingOptions & {
  readonly routes: readonly Route[];
  readonly doors: readonly Door[];
  readonly productName: string;
  readonly version: string;
  readonly production: boolean;
  /** Whether HSTS includes subdomains. */
  readonly hstsSubdomains: boolean;
  /** Whether the OpenAPI document is served. */
  readonly docs: boolean;
  readonly corsOrigins: readonly string[];
  readonly bodyLimitBytes: number;
  readonly maxRequestsInFlight: number;
  /** Asks the least of what all requests share; its delay shows overload. */
  readonly probe: () => Promise<unknown>;
  /** The trusted proxies: their number, or their addresses and networks. None if empty. */
  readonly trustProxy: string;
  readonly connectionsPerAddress: number;
  /** Whether the server is about to stop: connections are closed after their answers. */
  readonly isDraining: () => boolean;
  readonly metrics: Metrics;
};

const headersTimeoutMs = 10_000;
/** How often Node looks for connections that are too slow. */
const checkEveryMs = 1_000;

/** Fastify with Basalt's rules: problem documents, limits, one log line per request, OpenAPI. */
export async function createHttpServer(options: HttpOptions): Promise<FastifyInstance> {
  const headers = securityHeaders(options);
  const observe = observeRequests(options);
  /** Of every request, also of one that the router refuses. */
  const begin = (request: FastifyRequest, reply: FastifyReply, next: () => void) => {
    reply.headers(headers).header("x-request-id", request.id);
    if (options.isDraining()) reply.header("connection", "close");
    observe(request, reply, next);
  };
  const app = Fastify({
    bodyLimit: options.bodyLimitBytes,
    trustProxy: proxiesOf(options.trustProxy),
    genReqId: (request) => correlationIdOf(request.headers),
    requestTimeout: uploadTimeoutMs,
    forceCloseConnections: "idle",
    http: {
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: checkEveryMs,
      requireHostHeader: false, // it would be answered without our headers, and logged nowhere
    },
    serverFactory: sheddingServer({ ...options, headers }),
    clientErrorHandler: answerGarbage({ ...options, headers }),
    frameworkErrors(error, request, reply) {
      begin(request, reply, () => {});
      answerError(options.log, error, request, reply);
    },
    routerOptions: { maxParamLength: 1_500, ignoreTrailingSlash: true },
  });
  app.removeAllContentTypeParsers(); // a body is JSON, which no foreign form can send
  takeJson(app);
  knowMethods(app, options.doors);
  requireAccessRules(app);
  const components = [problemSchema, ...componentsOf(options.routes)];
  for (const component of components) app.addSchema(component);
  app.setValidatorCompiler(compile);
  app.setSerializerCompiler(serializersOf(components));
  app.addHook("onRequest", begin);
  app.addHook("onRequest", requireOneHost);
  app.addHook("onRequest", requirePlain);
  app.addHook("onRequest", limitArrival());
  app.addHook("onRequest", countUngated(options));
  app.setErrorHandler((error: FastifyError, request, reply) =>
    answerError(options.log, error, request, reply),
  );
  app.setNotFoundHandler(answerUnknownPath(options));
  await allowOrigins(app, options);
  await serveOpenApi(app, options);
  ignoreExpectations(app.server);
  hangUpOnTheSilent(app);
  if (options.trustProxy === "")
    limitConnections(app.server, { perAddress: options.connectionsPerAddress, log: options.log });
  hangUpOnTheUnreading(app.server, options.log);
  const closing = closingOf(app);
  await serveRoutes(app, options, closing);
  for (const door of options.doors) await serveDoor(app, door, options, closing);
  return app;
}

/** Node refuses an expectation that it does not know by itself, without our headers, and logged nowhere. Source: RFC 9110, 10.1.1. */
const ignoreExpectations = (server: Server): void =>
  void server.on("checkExpectation", (request, response) =>
    server.emit("request", request, response),
  );

/** Aborted when the server is about to close. */
function closingOf(app: FastifyInstance): AbortSignal {
  const closing = new AbortController();
  app.addHook("preClose", (done) => {
    closing.abort();
    done();
  });
  return closing.signal;
}

const developmentOrigins = [/^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/];

async function allowOrigins(app: FastifyInstance, options: HttpOptions): Promise<void> {
  await app.register(cors, {
    origin: [...(options.production ? [] : developmentOrigins), ...options.corsOrigins],
    methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    exposedHeaders: [
      "accept-ranges",
      "content-disposition",
      "content-range",
      "etag",
      "location",
      "retry-after",
      "x-request-id",
      "ratelimit-limit",
      "ratelimit-remaining",
      "ratelimit-reset",
    ],
    maxAge: 600,
  });
}

async function serveRoutes(
  app: FastifyInstance,
  options: HttpOptions,
  closing: AbortSignal,
): Promise<void> {
  for (const route of options.routes) {
    const { upload } = route;
    const serveOn = (on: FastifyInstance) => serveRoute(on, route, options, closing);
    if (upload) await app.register(async (apart) => serveOn(takingFiles(upload, apart, options)));
    else serveOn(app);
  }
}

function proxiesOf(setting: string) {
  if (setting === "") return false;
  const count = /^\d+$/.test(setting) ? Number(setting) : undefined;
  return count === undefined ? setting : (_address: string, hop: number) => hop < count;
}
