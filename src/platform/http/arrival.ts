import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { sendProblem } from "./answers.ts";
import { problem } from "./problem.ts";

/** How long a body may take to arrive; a file has longer. */
export const bodyTimeoutMs = 30_000;
export const uploadTimeoutMs = 600_000;
/** How long the rest of a body is let arrive after the answer, and how long nothing of it may come meanwhile. */
export const [lingerMs, lingerSilentMs] = [10_000, 1_000];

/** How long a client may send nothing of a file, while the server waits for more. */
const silenceMs = 30_000;

/** Most requests have none: nothing needs to be watched then. */
export const hasBody = ({ headers }: Pick<IncomingMessage, "headers">): boolean =>
  headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;

/**
 * If a connection is to be closed after an answer, and the body of its request still comes, closes it only when the body has come: many clients
 * read an answer after they have sent all, and would find a broken connection. A loop that leaves a body early does not end the body.
 */
function closeOnceRead(raw: IncomingMessage): void {
  const { socket } = raw;
  raw[Symbol.asyncIterator] = () => raw.iterator({ destroyOnReturn: false });
  socket.destroySoon = () => {
    Reflect.deleteProperty(socket, "destroySoon"); // the one of all sockets is there again
    if (raw.complete) return socket.destroySoon();
    raw.once("end", () => socket.destroy());
    socket.end();
  };
}

type Limits = {
  readonly timeoutMs?: number;
  readonly silentMs?: number;
  readonly afterMs?: number;
};

/** Answers 408 to late bodies. What comes of a body after the answer is thrown away, and not for long. */
export function limitArrival({
  timeoutMs = bodyTimeoutMs,
  silentMs = silenceMs,
  afterMs = lingerMs,
}: Limits = {}) {
  return (
    { raw, routeOptions, server: { server } }: FastifyRequest,
    reply: FastifyReply,
    done: () => void,
  ): void => {
    if (!hasBody(raw)) return done();
    const { socket } = raw;
    const give = (ms: number, otherwise: () => void) =>
      setTimeout(() => void (raw.complete || otherwise()), ms).unref();
    const { takesFiles = false } = routeOptions.config;
    const beLate = () => void server.emit("clientError", new BodyIsLate(), socket);
    const timer = give(takesFiles ? uploadTimeoutMs : timeoutMs, beLate);
    const silence = takesFiles ? watchSilence(raw, socket, silentMs, beLate) : undefined;
    closeOnceRead(raw);
    reply.raw.once("close", () => {
      clearTimeout(timer);
      clearInterval(silence);
      if (!raw.complete) linger(raw, socket, afterMs);
    });
    return done();
  };
}

/** Throws away the rest of a body whose request is answered, and closes the connection where it does not come. */
function linger(raw: IncomingMessage, socket: Socket, ms: number): void {
  const over = () => {
    clearTimeout(end);
    clearInterval(silence);
    if (!raw.complete) socket.destroy();
  };
  const end = setTimeout(over, ms).unref();
  const silence = watchSilence(raw, socket, Math.min(ms, lingerSilentMs), over);
  raw.resume();
}

/** Refuses what would be kept other than it was meant: a body that is encoded, and a query that is no text. */
export function requirePlain({ raw, id }: FastifyRequest, reply: FastifyReply, done: () => void) {
  const encoding = raw.headers["content-encoding"];
  const refuse = (type: string, status: number, detail: string) =>
    void sendProblem(reply, problem(type, { status, correlationId: id, detail }));
  if (encoding !== undefined)
    return refuse(
      "unsupported-media-type",
      415,
      `The body must be sent without Content-Encoding: ${encoding.slice(0, 40)} is not decoded`,
    );
  return isText(raw.url ?? "")
    ? done()
    : refuse("bad-request", 400, "The query must be UTF-8 in percent-encoding");
}

function isText(url: string): boolean {
  const at = url.indexOf("?");
  if (at < 0 || !url.includes("%", at)) return true;
  try {
    decodeURIComponent(url.slice(at));
    return true;
  } catch {
    return false;
  }
}

/** Acts if nothing of a body has come for a while. A body that waits for the server to read it is not silent. */
function watchSilence(
  raw: IncomingMessage,
  socket: Socket,
  ms: number,
  act: () => void,
): NodeJS.Timeout {
  let known = -1;
  const look = () => {
    const { bytesRead } = socket;
    if (!raw.complete && bytesRead === known && raw.readableLength === 0) act();
    known = bytesRead;
  };
  return setInterval(look, ms).unref();
}

const host = /^(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i;

/** Refuses requests without exactly one proper host, which proxies may read differently. */
export function requireOneHost({ raw, id }: FastifyRequest, reply: FastifyReply, done: () => void) {
  const hosts = raw.rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === "host");
  if (hosts.length === 1 && host.test(raw.headers.host ?? "")) return done();
  const detail = "A request must name one host";
  return void sendProblem(
    reply,
    problem("bad-request", { status: 400, correlationId: id, detail }),
  );
}

/** Closes connections without any request on a stop, which Node would wait for. */
export function hangUpOnTheSilent(app: FastifyInstance): void {
  const silent = new Set<Socket>();
  app.server.on("connection", (socket: Socket) => {
    silent.add(socket);
    socket.once("close", () => silent.delete(socket));
  });
  app.server.on("request", ({ socket }: IncomingMessage) => void silent.delete(socket));
  app.addHook("preClose", (done) => {
    for (const socket of silent) socket.destroy();
    done();
  });
}

/** Has the code that Node gives to requests that are late. */
class BodyIsLate extends Error {
  readonly code = "ERR_HTTP_REQUEST_TIMEOUT";
}
