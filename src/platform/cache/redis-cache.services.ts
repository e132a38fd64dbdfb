import { pino } from "pino";
import { cacheContract } from "./cache.contract.ts";
import { redisCache } from "./redis-cache.ts";

const url = process.env["BASALT_TEST_REDIS_URL"] ?? "redis://127.0.0.1:6379";

cacheContract("Redis", () => redisCache(url, pino({ level: "silent" })));
