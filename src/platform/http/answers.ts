import type { ErrorObject } from "ajv";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { STATUS_CODES, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Logger } from "pino";
import { IdempotencyKeyReused } from "../idempotency.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { Unavailable } from "../unavailable.ts";
import { correlationIdOf } from "./correlation.ts";
import type { Door } from "./door.ts";
import type { Malformed } from "./preconditions.ts";
import { problem, problemMediaType, typeOfStatus, type Problem } from "./problem.ts";
import type { Route } from "./route.ts";
import { issuesOf } from "./validating.ts";

/** Of a body that nobody reads, the server lets so much arrive before it uses the connection again. */
const maxUnread = 65_536;

/** Whether more of the body is still to come than is let arrive for nothing. */
export const isUnread = ({ complete, headers }: IncomingMessage): boolean =>
  !complete &&
  (headers["transfer-encoding"] !== undefined ||
    Number(headers["content-length"] ?? 0) > maxUnread);

const codes = new WeakMap<FastifyReply, string>();
/** The code of the problem that was answered, if one was. */
export const problemCodeOf = (reply: FastifyReply): string | undefined => codes.get(reply);

/** `retryAfterS`: after how many seconds the same request may be answered. */
export function sendProblem(
  reply: FastifyReply,
  body: Problem,
  retryAfterS: number | undefined = body.status === 503 ? 1 : undefined,
): FastifyReply {
  codes.set(reply, body.code);
  if (isUnread(reply.request.raw)) reply.header("connection", "close");
  if (retryAfterS !== undefined) reply.header("retry-after", retryAfterS.toString());
  if (body.status === 401) reply.header("www-authenticate", challengeFor(reply.request));
  return reply
    .code(body.status)
    .header("content-type", problemMediaType)
    .serializer(JSON.stringify)
    .send(body);
}

/** Sources: RFC 6750, 3, and RFC 7617, 2. */
function challengeFor({ headers, routeOptions }: FastifyRequest): string {
  if (routeOptions.config.isDoor === true) return 'Basic realm="basalt", charset="UTF-8"';
  const error = headers.authorization === undefined ? "" : ', error="invalid_token"';
  return `Bearer realm="basalt"${error}`;
}

export const sendMalformed = (reply: FastifyReply, { id }: FastifyRequest, { issue }: Malformed) =>
  sendProblem(
    reply,
    problem("validation-failed", { status: 400, correlationId: id, errors: [issue] }),
  );

/** Headers of a file that could not be sent. */
const ofFiles = ["etag", "last-modified", "content-disposition", "content-range", "accept-ranges"];

/** Everything that no handler answered: bad requests, outages, and bugs, which tell nothing. */
export function answerError(
  log: Logger,
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const correlationId = request.id;
  for (const name of ofFiles) reply.removeHeader(name);
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
  if (error.code === "ECONNRESET" && !request.raw.complete) {
    log.info({ correlationId }, "a client left before its body had come");
    return sendProblem(reply, problem("bad-request", { status: 400, correlationId }));
  }
  const status = error.statusCode ?? 500;
  if (status >= 500 && status !== 503) {
    log.error({ correlationId, err: error }, "a request failed with an unexpected error");
    return sendProblem(reply, problem("internal-error", { status: 500, correlationId }));
  }
  const invalidJson = error.code?.startsWith("FST_ERR_CTP_") && status === 400;
  const type = invalidJson ? "validation-failed" : typeOfStatus(status);
  const detail = detailOf(error, request);
  return sendProblem(reply, problem(type, { status, correlationId, detail }));
}

function detailOf({ statusCode, message }: FastifyError, request: FastifyRequest): string {
  if (statusCode === 503) return "The deadline of the request has passed";
  const { mediaTypes } = request.routeOptions.config;
  return statusCode === 415 && mediaTypes
    ? `The Content-Type must be ${mediaTypes.join(" or ")}`
    : message;
}

/** 405 where another method would be answered, else 404. */
export function answerUnknownPath({
  routes,
  doors,
  apiPrefix,
}: {
  readonly routes: readonly Route[];
  readonly doors: readonly Door[];
  readonly apiPrefix: string;
}) {
  const known = [
    ...routes.map(({ method, path }) => ({
      method,
      pattern: new RegExp(`^${apiPrefix}${path.replaceAll(/:\w+/g, "[^/]+")}$`),
    })),
    ...doors.flatMap(({ methods, path }) =>
      methods.map((method) => ({ method, pattern: new RegExp(`^${path}(/|$)`) })),
    ),
  ];
  return (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = request.url.split("?")[0] ?? "/";
    const allowed = known.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    const methods = [...new Set(allowed)].join(", ");
    if (methods !== "") reply.header("allow", methods);
    const [status, detail] =
      methods === "" ? [404, "Nothing answers at this path"] : [405, `The path takes ${methods}`];
    return sendProblem(
      reply,
      problem(typeOfStatus(status), { status, correlationId: request.id, detail }),
    );
  };
}

const statusOfParserError: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

type GarbageOptions = {
  readonly headers: Readonly<Record<string, string>>;
  readonly log: Logger;
  readonly metrics: Metrics;
};

/** Answers input that is not HTTP on the bare socket. */
export const answerGarbage = ({ headers, log, metrics }: GarbageOptions) =>
  function (
    this: FastifyInstance,
    error: Error & { readonly code?: string },
    socket: Socket & { readonly parser?: { readonly incoming?: IncomingMessage } },
  ): void {
    if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) return;
    const status = statusOfParserError[error.code ?? ""] ?? 400;
    const correlationId = correlationIdOf({});
    const told = problem(typeOfStatus(status), { status, correlationId });
    const body = JSON.stringify(told);
    const all = {
      ...headers,
      "content-type": problemMediaType,
      "content-length": String(Buffer.byteLength(body)),
      "x-request-id": correlationId,
      connection: "close",
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`);
    metrics.requests.labels("unknown", "unknown", String(status)).observe(0);
    log.info({ status, correlationId, code: told.code, cause: error.code }, "request");
  };

/** More than is worked on at once. */
export const overloaded = (correlationId: string) =>
  problem("unavailable", {
    status: 503,
    correlationId,
    detail: "Too many requests are in flight",
  });
