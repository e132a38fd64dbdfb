import {
  RateLimiterMemory,
  RateLimiterRedis,
  RateLimiterRes,
  type RateLimiterAbstract,
} from "rate-limiter-flexible";
import { after, type Redis } from "../redis/redis.ts";
import type { Limit, RateLimiter, RateLimits, Standing } from "./rate-limit.ts";

/** Counted in the memory of the process: each process allows as much again. */
export const memoryRateLimits: RateLimits = (name, limit) =>
  limiter(new RateLimiterMemory(optionsOf(name, limit)), limit);

/** Counted in Redis for all processes; while it is away, each process counts for itself. */
export const redisRateLimits =
  (redis: Redis): RateLimits =>
  (name, limit) => {
    const options = { ...optionsOf(name, limit), storeClient: redis, useRedisPackage: true };
    const shared = new RateLimiterRedis({ ...options, rejectIfRedisNotReady: true });
    const own = memoryRateLimits(name, limit);
    const { take, forgive } = limiter(shared, limit);
    return {
      take: async (key) => (await inTime(() => take(key))) ?? own.take(key),
      async forgive(key) {
        await Promise.all([inTime(() => forgive(key)), own.forgive(key)]);
      },
    };
  };

const answerWithinMs = 200;

/** Undefined where Redis is away, or silent. */
async function inTime<T>(ask: () => Promise<T>): Promise<T | undefined> {
  return Promise.race([ask().catch(() => undefined), after(answerWithinMs)]);
}

const optionsOf = (name: string, { points, perS }: Limit) => ({
  keyPrefix: `basalt:limit:${name}`,
  points,
  duration: perS,
});

function limiter(counter: RateLimiterAbstract, { points }: Limit): RateLimiter {
  const standing = (isAllowed: boolean, { remainingPoints, msBeforeNext }: RateLimiterRes) => ({
    isAllowed,
    limit: points,
    remaining: remainingPoints,
    resetS: Math.max(1, Math.ceil(msBeforeNext / 1_000)),
  });
  return {
    async take(key): Promise<Standing> {
      try {
        return standing(true, await counter.consume(key));
      } catch (error) {
        if (error instanceof RateLimiterRes) return standing(false, error);
        throw error;
      }
    },
    async forgive(key) {
      await counter.delete(key);
    },
  };
}
