import { createClient } from "@redis/client";
import type { Logger } from "pino";
import type { Cache } from "./cache.ts";

const prefix = "basalt:";
const answerWithinMs = 200;
const connectWithinMs = 2_000;
const maxReconnectPauseMs = 5_000;

/** In Redis, shared by all processes. While Redis is away, every question is a miss. */
export async function redisCache(url: string, log: Logger): Promise<Cache> {
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
    if (up) log.warn({ error: String(error) }, "the cache is away; going on without");
    up = false;
  });
  client.on("ready", () => {
    up = true;
  });
  const connected = client.connect().catch(() => {}); // it goes on trying
  await Promise.race([connected, after(connectWithinMs)]);

  const orMiss = async <T>(answer: () => Promise<T>): Promise<T | undefined> => {
    if (!client.isReady) return undefined;
    try {
      return await Promise.race([answer(), after(answerWithinMs)]);
    } catch {
      return undefined;
    }
  };
  return {
    get: async (key) => (await orMiss(() => client.get(prefix + key))) ?? undefined,
    set: async (key, value, lifeMs) => {
      await orMiss(() =>
        client.set(prefix + key, value, { expiration: { type: "PX", value: lifeMs } }),
      );
    },
    delete: async (key) => {
      await orMiss(() => client.del(prefix + key));
    },
    isUp: async () => (await orMiss(() => client.ping())) === "PONG",
    async [Symbol.asyncDispose]() {
      client.destroy();
    },
  };
}

const after = (timeoutMs: number): Promise<undefined> =>
  new Promise((resolve) => setTimeout(resolve, timeoutMs, undefined).unref());
