import { pino } from "pino";
import { openRedis } from "../redis/redis.ts";
import { cacheContract } from "./cache.contract.ts";
import { redisCache } from "./redis-cache.ts";

const url = process.env["BASALT_TEST_REDIS_URL"] ?? "redis://127.0.0.1:6379";
const log = pino({ level: "silent" });

cacheContract("Redis", async (undo) => redisCache(undo.use(await openRedis(url, log))));
