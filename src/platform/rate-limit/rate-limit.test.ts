import { pino } from "pino";
import { openRedis } from "../redis/redis.ts";
import { memoryRateLimits, redisRateLimits } from "./flexible-rate-limits.ts";
import { rateLimitsContract } from "./rate-limit.contract.ts";

const nobodyListens = "redis://127.0.0.1:1";

rateLimitsContract("memory", async () => memoryRateLimits);

rateLimitsContract("Redis that is away", async (undo) =>
  redisRateLimits(undo.use(await openRedis(nobodyListens, pino({ level: "silent" })))),
);
