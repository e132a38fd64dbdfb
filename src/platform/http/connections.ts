import type { Server } from "node:http";
import type { Logger } from "pino";
import { places } from "./limit-open.ts";

/** How often it is told which addresses were refused connections. */
const toldEveryMs = 10_000;

type Limits = {
  /** Connections of one address at most; 0 is no limit. */
  readonly perAddress: number;
  readonly log: Logger;
};

/** Hangs up on addresses that hold too many connections. Not behind a proxy: its address is that of all clients. */
export function limitConnections(server: Server, { perAddress, log }: Limits): void {
  if (perAddress === 0) return;
  const take = places(Infinity, perAddress);
  let toldMs = -toldEveryMs;
  server.on("connection", (socket) => {
    const { remoteAddress: address = "" } = socket;
    if (take(address, socket)) return;
    socket.destroy();
    if (performance.now() - toldMs < toldEveryMs) return;
    toldMs = performance.now();
    log.warn({ address, perAddress }, "an address holds too many connections: more are refused");
  });
}
