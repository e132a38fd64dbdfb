import { pino } from "pino";
import { openRedis } from "../redis/redis.ts";
import { redisRateLimits } from "./flexible-rate-limits.ts";
import { rateLimitsContract } from "./rate-limit.contract.ts";

const url = process.env["BASALT_TEST_REDIS_URL"] ?? "redis://127.0.0.1:6379";

rateLimitsContract("Redis", async (undo) =>
  redisRateLimits(undo.use(await openRedis(url, pino({ level: "silent" })))),
);
