import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { sendProblem } from "./answers.ts";
import { problem } from "./problem.ts";

/** How long a body may take to arrive; a file has longer. */
export const bodyTimeoutMs = 30_000;
export const uploadTimeoutMs = 600_000;
/** How long a client that still sends its body has to read the answer. */
export const lingerMs = 1_000;

/** How long a client may send nothing of a file, while the server waits for more. */
const silenceMs = 30_000;

/** Most requests have none: nothing needs to be watched then. */
export const hasBody = ({ headers }: Pick<IncomingMessage, "headers">): boolean =>
  headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;

/** Answers 408 to late bodies. Closes connections of clients that keep sending after the answer. */
export function limitArrival(timeoutMs = bodyTimeoutMs, silentMs = silenceMs) {
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
    const silence = takesFiles ? watchSilence(raw, silentMs, beLate) : undefined;
    reply.raw.once("close", () => {
      clearTimeout(timer);
      clearInterval(silence);
      if (!raw.complete) give(lingerMs, () => socket.destroy());
    });
    return done();
  };
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
function watchSilence(raw: IncomingMessage, ms: number, act: () => void): NodeJS.Timeout {
  let known = -1;
  const look = () => {
    const { bytesRead } = raw.socket;
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
