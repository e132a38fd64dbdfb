import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Context } from "#kernel/context.ts";
import { isUnread, overloaded, sendProblem } from "./answers.ts";
import type { Door, DoorAnswer, DoorRequest, FileAnswer } from "./door.ts";
import { limitDownloads, sendDownload } from "./downloads.ts";
import { basicOrBearer, endWithCredential, gate, originOf } from "./gate.ts";
import { limitOpen } from "./limit-open.ts";
import { goneOf, type ServingOptions } from "./serve-route.ts";
import { streaming } from "./shedding.ts";

/** Answers of one door that are made as they are sent at once, to all and to one actor. */
const [maxTold, maxToldOfOne] = [64, 16];
/** Requests of one door that wait for something to happen, of all and of one actor. */
const [maxWaiting, maxWaitingOfOne] = [512, 8];

/** A door that takes no files needs no places for them. */
const noPlaces = [0, 0] as const;

const known: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);

/** Lets the server take the methods of a protocol that is not HTTP's own. */
export function knowMethods(app: FastifyInstance, doors: readonly Door[]): void {
  const foreign = doors.flatMap(({ methods }) => methods.filter((method) => !known.has(method)));
  for (const method of new Set(foreign)) app.addHttpMethod(method, { hasBody: true });
}

/** Serves a door, apart from the routes: its bodies are not JSON. */
export async function serveDoor(
  app: FastifyInstance,
  door: Door,
  options: ServingOptions,
  closing: AbortSignal,
): Promise<void> {
  const { methods, fileMethods = [], places = noPlaces } = door;
  await app.register(async (apart) => {
    apart.removeAllContentTypeParsers();
    apart.addContentTypeParser("*", (_request, body, done) => done(null, body));
    const mayBegin = limitOpen(...places);
    const answer = answering(door, options, closing);
    const place = (reply: FastifyReply) =>
      mayBegin(reply) ? answer(reply) : sendProblem(reply, overloaded(reply.request.id));
    listen(apart, door, { methods: fileMethods, takesFiles: true, answer: place, options });
    const others = methods.filter((method) => !fileMethods.includes(method));
    listen(apart, door, { methods: others, takesFiles: false, answer, options });
    for (const url of urlsOf(door))
      apart.route({
        method: "OPTIONS",
        url,
        schema: { hide: true },
        config: { access: "public", cors: false },
        handler: (_request, reply) => reply.headers(door.options).code(200).send(),
      });
  });
}

const urlsOf = ({ path }: Door): readonly string[] => [path, `${path}/*`];

function listen(
  app: FastifyInstance,
  door: Door,
  {
    methods,
    takesFiles,
    answer,
    options,
  }: {
    readonly methods: readonly string[];
    readonly takesFiles: boolean;
    readonly answer: (reply: FastifyReply) => unknown;
    readonly options: ServingOptions;
  },
): void {
  const access = door.access ?? "signed-in";
  const enter = gate(options, access, {
    credentialOf: basicOrBearer,
    guesses: `door:${door.name}`,
  });
  for (const url of urlsOf(door))
    app.route({
      method: [...methods],
      url,
      exposeHeadRoute: false,
      schema: { hide: true },
      config: { access, isGated: true, takesFiles, isDoor: true, cors: false },
      onRequest: [forgetOddType, enter],
      handler: (_request, reply) => answer(reply),
    });
}

const mediaType = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+\s*(;|$)/;

/** Fastify refuses a malformed `Content-Type`, which some clients send with files. A door ignores it. */
function forgetOddType({ headers }: FastifyRequest, _reply: FastifyReply, done: () => void): void {
  if (!mediaType.test(headers["content-type"] ?? "")) delete headers["content-type"];
  done();
}

function answering(door: Door, options: ServingOptions, closing: AbortSignal) {
  const mayTell = limitOpen(maxTold, maxToldOfOne);
  const mayDownload = limitDownloads({});
  const mayWait = limitOpen(maxWaiting, maxWaitingOfOne);
  return async (reply: FastifyReply): Promise<unknown> => {
    const { request } = reply;
    const wait = () => {
      if (!mayWait(reply)) return undefined;
      reply.raw.emit(streaming);
      return AbortSignal.any([closing, goneOf(reply)]);
    };
    const context = contextOf(request, options);
    const confirm = endWithCredential(options, request);
    const asking = { ...asked(door, request, options), wait };
    const answer = await door.answer(asking, context).finally(confirm);
    if (isUnread(request.raw)) reply.header("connection", "close");
    const full = () => sendProblem(reply, overloaded(request.id));
    if (isFile(answer)) return mayDownload(reply) ? sendFile(reply, answer, options) : full();
    const isShort = answer.text === undefined || typeof answer.text === "string";
    return isShort || mayTell(reply) ? sendText(reply, answer, options) : full();
  };
}

const isFile = (answer: DoorAnswer): answer is FileAnswer => "download" in answer;

const sendFile = (reply: FastifyReply, file: FileAnswer, { log }: ServingOptions) =>
  sendDownload(reply.headers({ etag: file.tag, ...file.headers }).code(200), file.download, {
    value: file.value,
    tag: file.tag,
    log,
  });

function sendText(
  reply: FastifyReply,
  { status, headers = {}, text }: Exclude<DoorAnswer, FileAnswer>,
  { log }: ServingOptions,
): FastifyReply {
  reply.code(status).headers(headers);
  if (text === undefined || typeof text === "string") return reply.send(text);
  reply.raw.emit(streaming);
  return reply.send(Readable.from(told(text, reply, log), { objectMode: false }));
}

/** The answer has begun: nobody else can tell of an error on the way. */
async function* told(
  text: AsyncIterable<string>,
  { request: { id: correlationId } }: FastifyReply,
  log: ServingOptions["log"],
): AsyncGenerator<string> {
  try {
    yield* text;
  } catch (error) {
    log.error({ correlationId, err: error }, "an answer was broken off");
    throw error;
  }
}

/** Without a query, and without the host that a request may name as a proxy does. Source: RFC 9112, 3.2.2. */
const pathOf = (url: string): string =>
  url.replace(/^https?:\/\/[^/?#]*/i, "").split("?", 1)[0] ?? "";

const asked = (
  { path }: Door,
  { raw, headers, body, method }: FastifyRequest,
  { basePath }: ServingOptions,
): Omit<DoorRequest, "wait"> => ({
  method,
  path: pathOf(raw.url ?? path).slice(path.length),
  headers,
  body: (body as Readable | undefined) ?? Readable.from([]),
  at: basePath + path,
  host: headers.host ?? "",
});

const contextOf = (
  request: FastifyRequest,
  { clock, requestTimeoutMs }: ServingOptions,
): Context => ({
  ...request.principal,
  origin: originOf(request),
  correlationId: request.id,
  deadlineMs: clock.unixMs() + requestTimeoutMs,
});
