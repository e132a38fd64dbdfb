import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock as clock } from "#platform/system.ts";
import { upstream } from "#platform/resilience/upstream.ts";
import { createMetrics } from "#platform/telemetry/metrics.ts";

/** A server that answers the same to everything, and remembers what it was asked. */
export async function answering(body: unknown) {
  const asked: string[] = [];
  const shown: (string | undefined)[] = [];
  const server = http.createServer((request, answer) => {
    asked.push(request.url ?? "");
    shown.push(request.headers.authorization);
    answer.setHeader("content-type", "application/json").end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    asked,
    shown,
    baseUrl: `http://127.0.0.1:${port}/api/v1`,
    upstream: upstream({ name: "test", clock, metrics: createMetrics() }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
