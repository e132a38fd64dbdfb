import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { Context, IdempotencyKey } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Result } from "#kernel/result.ts";
import type { Invalid } from "#kernel/shape.ts";
import { toText } from "../json.ts";
import { isTracing, requestSpan, type RequestSpan } from "../telemetry/tracing.ts";
import { overloaded, sendMalformed, sendProblem } from "./answers.ts";
import {
  gate,
  endWithCredential,
  isStillSignedIn,
  limitAttempts,
  originOf,
  sendSignedOut,
  type GateOptions,
} from "./gate.ts";
import {
  idempotencyKeyOf,
  isFresh,
  unmetPrecondition,
  versionOf,
  type Malformed,
} from "./preconditions.ts";
import { hasBody } from "./arrival.ts";
import { problem, sentenceOf } from "./problem.ts";
import { entityTag, versionField, type Route } from "./route.ts";
import { limitDownloads, sendDownload } from "./downloads.ts";
import { limitOpen } from "./limit-open.ts";
import { fastifySchema, placedIn, takesMatch } from "./schemas.ts";
import { streaming } from "./shedding.ts";
import { limitStreams, sendStream } from "./streams.ts";

export type ServingOptions = GateOptions & {
  readonly apiPrefix: string;
  /** The path below which a proxy serves: empty without one. */
  readonly basePath: string;
  readonly requestTimeoutMs: number;
  /** Fingerprints of a request for its idempotency key, one per master key, since requests may hold passwords. */
  readonly fingerprints: (request: string) => readonly [string, ...string[]];
  readonly clock: Clock;
  readonly log: Logger;
};

/** Serves one declared route. `closing` is aborted when the server is about to stop. */
export function serveRoute(
  app: FastifyInstance,
  route: Route,
  options: ServingOptions,
  closing: AbortSignal,
): void {
  const operation = `${route.method} ${route.path}`;
  const attributes = { "http.request.method": route.method, "http.route": route.path };
  const answer = answering(route, options, closing);
  const gated = gate(options, route.access);
  const spans = new WeakMap<FastifyRequest, RequestSpan>();
  const trace: typeof gated = (request, reply, next) => {
    const about = { ...attributes, "basalt.correlation_id": request.id };
    const traced = requestSpan(request.headers, operation, about);
    if (traced) spans.set(request, traced);
    reply.raw.once("close", () => traced?.end(reply.raw.statusCode));
    next();
  };
  app.route({
    method: route.method,
    url: options.apiPrefix + route.path,
    schema: fastifySchema(route),
    config: {
      access: route.access,
      isGated: true,
      takesFiles: route.upload !== undefined,
      mediaTypes: route.upload
        ? [...route.upload.mediaTypes, "multipart/form-data"]
        : ["application/json"],
    },
    onRequest: isTracing() ? [trace, gated] : gated,
    handler: (request, reply) =>
      spans.get(request)?.within(() => answer(request, reply)) ?? answer(request, reply),
  });
}

function answering(route: Route, options: ServingOptions, closing: AbortSignal) {
  const attempts = limitAttempts(options);
  const contextOf = contexts(route, options);
  const mayStream = placesOf(route);
  const mayWait = route.longPoll && limitOpen(...route.longPoll.places);
  const mayMatch = takesMatch(route);

  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const { id: correlationId } = request;
    const confirm = endWithCredential(options, request);
    const mayHaveEnded = request.principal.credential !== undefined && hasBody(request.raw);
    if (mayHaveEnded && !(await isStillSignedIn(options, request)())) return sendSignedOut(reply);
    const matched = versionOf(mayMatch ? request.headers["if-match"] : undefined, route.tagKind);
    if (!matched.ok) return sendMalformed(reply, request, matched.error);
    const unmet = unmetPrecondition(route, matched.value, correlationId);
    if (unmet) return sendProblem(reply, unmet);
    if (!mayStream(reply)) return sendProblem(reply, overloaded(correlationId));

    const input = route.input.parse(fieldsOf(route, request, matched.value));
    if (!input.ok) return sendProblem(reply, invalidIn(route, input.error, correlationId));
    const context = contextOf(request, input.value);
    if (!context.ok) return sendMalformed(reply, request, context.error);
    const attempt = route.attempts && (await attempts(route.attempts, request, reply, input.value));
    if (attempt && !attempt.isAllowed) return reply;

    const isWaiting = route.longPoll?.isWaiting(input.value) === true;
    if (isWaiting && !mayWait?.(reply)) return sendProblem(reply, overloaded(correlationId));
    if (isWaiting) reply.raw.emit(streaming);
    const ending = () => AbortSignal.any([closing, goneOf(reply)]);
    const result = await route.handle(input.value, context.value, ending).finally(confirm);
    if (isWaiting && !(await isStillSignedIn(options, request)())) return sendSignedOut(reply);
    if (!result.ok) return refuse(route, request, reply, result.error);
    await attempt?.succeeded();
    if (route.forgives) {
      const { attempts: name, account } = route.forgives;
      await options.limiters.byAccount.forgive(`${name}:${account(result.value)}`);
    }
    if (route.location)
      reply.header("location", options.basePath + options.apiPrefix + route.location(result.value));
    if (isUnchanged(route, request, reply, result.value)) return reply.code(304).send();
    reply.code(route.success);
    if (route.download) {
      const tag = route.version && entityTag(route.version(result.value), route.tagKind);
      return sendDownload(reply, route.download, { value: result.value, tag, log: options.log });
    }
    return route.stream
      ? sendStream(reply, route.stream, result.value, {
          closing,
          isSignedIn: isStillSignedIn(options, request),
        })
      : reply.send(bodyOf(route, result.value));
  };
}

/** Aborted when the connection closes. */
export function goneOf({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once("close", () => gone.abort());
  return gone.signal;
}

const placesOf = ({ stream, download }: Route): ((reply: FastifyReply) => boolean) => {
  if (stream) return limitStreams(stream);
  return download ? limitDownloads(download) : () => true;
};

/** 400 where a part does not fit its schema, 422 where all fit and one breaks another rule. */
function invalidIn(route: Route, { issues }: Invalid, correlationId: string) {
  const status = issues.every(({ fits }) => fits) ? 422 : 400;
  const errors = placedIn(route, issues);
  return problem("validation-failed", { status, correlationId, errors });
}

const isStranger = ({ principal }: FastifyRequest): boolean => principal.actor === "anonymous";

/** Strangers share one actor: the key of one must not meet that of another, who asks for something else. */
const amongStrangers = (asked: IdempotencyKey | undefined): IdempotencyKey | undefined =>
  asked && { ...asked, key: `${asked.key} ${asked.fingerprint}` };

const contexts = ({ method, path }: Route, options: ServingOptions) => {
  const mayRepeat = method !== "GET";
  const operation = `${method} ${path}`;
  return (request: FastifyRequest, input: unknown): Result<Context, Malformed> => {
    const key = idempotencyKeyOf(mayRepeat ? request.headers["idempotency-key"] : undefined, () =>
      options.fingerprints(`${operation}\n${toText(input)}`),
    );
    if (!key.ok) return key;
    const idempotency = isStranger(request) ? amongStrangers(key.value) : key.value;
    const context: Context = {
      ...request.principal,
      origin: originOf(request),
      correlationId: request.id,
      deadlineMs: options.clock.unixMs() + options.requestTimeoutMs,
      ...(idempotency === undefined ? {} : { idempotency }),
    };
    return { ok: true, value: context };
  };
};

const fieldsOf = (route: Route, request: FastifyRequest, version: number | undefined) => ({
  ...(request.query as object),
  ...bodyFieldsOf(route, request),
  ...(request.params as object),
  ...(version === undefined ? {} : { [versionField]: version }),
});

/** The fields of a JSON body, or the one field that an upload becomes while it arrives. */
const bodyFieldsOf = ({ upload }: Route, { body }: FastifyRequest): object | undefined =>
  upload
    ? { [upload.field]: upload.read((body as Readable | undefined) ?? Readable.from([])) }
    : (body as object | undefined);

/** Tells the version of the answer as its ETag, and whether it is the one that the client has. */
function isUnchanged(
  { method, version, isComposed, tagKind }: Route,
  request: FastifyRequest,
  reply: FastifyReply,
  value: unknown,
): boolean {
  if (!version) return false;
  const tag = entityTag(version(value), tagKind);
  reply.header("etag", tag);
  return method === "GET" && !isComposed && isFresh(request.headers["if-none-match"], tag);
}

const bodyOf = ({ output, present }: Route, value: unknown) =>
  output && present ? present(value) : output && value;

/** Answers a refusal with its status and its details: of what was not found, the ids that were asked for. */
function refuse(
  { method, path, refusals }: Route,
  { id: correlationId, params }: FastifyRequest,
  reply: FastifyReply,
  { type, ...refusal }: { readonly type: string; readonly retryAfterS?: number },
): FastifyReply {
  const status = refusals[type];
  if (status === undefined) throw new Error(`${method} ${path} has no status for ${type}`);
  const details = status === 404 ? { ...(params as object), ...refusal } : refusal;
  const detail = sentenceOf(type, details);
  return sendProblem(
    reply,
    problem(type, { status, correlationId, detail, details }),
    refusal.retryAfterS,
  );
}
