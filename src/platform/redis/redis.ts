import { createClient } from "@redis/client";
import type { Logger } from "pino";

const connectWithinMs = 2_000;
const maxReconnectPauseMs = 5_000;

/** A connection that comes back by itself. While Redis is away, every command fails at once. */
export async function openRedis(url: string, log: Logger) {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: {
      connectTimeout: connectWithinMs,
      reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, maxReconnectPauseMs),
    },
  });
  let up = true;
  client.on("error", (error: unknown) => {
    if (up) log.warn({ error: String(error) }, "Redis is unavailable; continuing without it");
    up = false;
  });
  client.on("ready", () => {
    up = true;
  });
  const connected = client.connect().catch(() => {}); // it goes on trying
  await Promise.race([connected, after(connectWithinMs)]);
  return Object.assign(client, { [Symbol.asyncDispose]: async () => client.destroy() });
}

export type Redis = Awaited<ReturnType<typeof openRedis>>;

export const after = (timeoutMs: number): Promise<undefined> =>
  new Promise((resolve) => setTimeout(resolve, timeoutMs, undefined).unref());
