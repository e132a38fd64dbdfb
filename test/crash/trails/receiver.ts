import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

export type Delivered = {
  readonly id: string;
  readonly stream: string;
  readonly version: number;
};

/** Somebody outside, who takes some deliveries late and some only when asked again. */
export type Receiver = AsyncDisposable & {
  readonly url: string;
  /** Those that were taken, in their order; some more than once. */
  readonly taken: readonly Delivered[];
};

/** Of the deliveries, one in so many is refused, put off, never answered, or answered late. */
const oneIn = 40;
const lateMs = 100;

export async function openReceiver(chance: () => number): Promise<Receiver> {
  const taken: Delivered[] = [];
  const server = createServer((request, response) => {
    const answer = async (): Promise<unknown> => {
      const delivered = JSON.parse(await text(request)) as Delivered;
      const draw = Math.floor(chance() * oneIn);
      if (draw === 0) return response.writeHead(500).end();
      if (draw === 1) return response.writeHead(429).end();
      if (draw === 2 && chance() < 0.1) return undefined; // whoever sent it waits as long as it may
      if (draw === 3) await sleep(chance() * lateMs);
      taken.push(delivered);
      return response.writeHead(204).end();
    };
    answer().catch(() => response.destroy()); // whoever sends may be killed meanwhile
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    taken,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
