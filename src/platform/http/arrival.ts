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

/** Most requests have none: nothing needs to be watched then. */
export const hasBody = ({ headers }: Pick<IncomingMessage, "headers">): boolean =>
  headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;

/** Answers 408 to late bodies. Closes connections of clients that keep sending after the answer. */
export function limitArrival(timeoutMs = bodyTimeoutMs) {
  return (
    { raw, routeOptions, server: { server } }: FastifyRequest,
    reply: FastifyReply,
    done: () => void,
  ): void => {
    if (!hasBody(raw)) return done();
    const { socket } = raw;
    const give = (ms: number, otherwise: () => void) =>
      setTimeout(() => void (raw.complete || otherwise()), ms).unref();
    const timer = give(routeOptions.config.takesFiles ? uploadTimeoutMs : timeoutMs, () => {
      server.emit("clientError", new BodyIsLate(), socket);
    });
    reply.raw.once("close", () => {
      clearTimeout(timer);
      if (!raw.complete) give(lingerMs, () => socket.destroy());
    });
    return done();
  };
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
