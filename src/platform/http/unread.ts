import type { Socket } from "node:net";
import type { Server } from "node:http";
import type { Logger } from "pino";

/** A client that takes nothing more of its answer for so long is hung up on; a piece counts as a whole. */
const unreadMs = 30_000;
/** Requests of one connection that are not answered yet, at most: more are sent to be a burden. */
const maxPipelined = 32;

type Watched = { requests: number; flushed: number; sinceMs: number };

/**
 * Hangs up on clients that do not read: what is written for them stays in memory, and keeps those
 * waiting that come after it.
 */
export function hangUpOnTheUnreading(server: Server, log: Logger, withinMs = unreadMs): void {
  const watched = new Map<Socket, Watched>();
  const hangUp = (socket: Socket, why: string) => {
    if (socket.destroyed) return; // requests that it had sent on are still being read
    log.warn({ address: socket.remoteAddress, why }, "a connection was closed");
    socket.destroy();
  };
  const look = () => {
    const nowMs = performance.now();
    for (const [socket, state] of watched) {
      const flushed = socket.bytesWritten - socket.writableLength;
      if (socket.writableLength > 0 && flushed === state.flushed) {
        if (nowMs - state.sinceMs >= withinMs) hangUp(socket, "it does not read its answers");
      } else Object.assign(state, { flushed, sinceMs: nowMs });
    }
  };
  const timer = setInterval(look, withinMs / 10).unref();
  server.once("close", () => clearInterval(timer));
  server.on("request", ({ socket }, response) => {
    const state = watched.get(socket) ?? { requests: 0, flushed: -1, sinceMs: 0 };
    watched.set(socket, state);
    state.requests += 1;
    if (state.requests > maxPipelined) hangUp(socket, "it sends on without reading");
    response.once("close", () => {
      state.requests -= 1;
      if (state.requests === 0) watched.delete(socket);
    });
  });
}
