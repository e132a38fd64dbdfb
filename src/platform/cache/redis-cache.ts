import { after, type Redis } from "../redis/redis.ts";
import type { Cache } from "./cache.ts";

const prefix = "basalt:";
const answerWithinMs = 200;

/** In Redis, shared by all processes. While Redis is away, every question is a miss. */
export function redisCache(redis: Redis): Cache {
  const orMiss = async <T>(answer: () => Promise<T>): Promise<T | undefined> => {
    if (!redis.isReady) return undefined;
    try {
      return await Promise.race([answer(), after(answerWithinMs)]);
    } catch {
      return undefined;
    }
  };
  return {
    get: async (key) => (await orMiss(() => redis.get(prefix + key))) ?? undefined,
    set: async (key, value, lifeMs) => {
      await orMiss(() =>
        redis.set(prefix + key, value, { expiration: { type: "PX", value: lifeMs } }),
      );
    },
    delete: async (key) => {
      await orMiss(() => redis.del(prefix + key));
    },
    isUp: async () => (await orMiss(() => redis.ping())) === "PONG",
  };
}
