import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { openRedis } from "../redis/redis.ts";
import { redisCache } from "./redis-cache.ts";

const silent = pino({ level: "silent" });
const nobodyListens = "redis://127.0.0.1:1";

test("while Redis is away, every question is a miss and nothing throws", async () => {
  await using redis = await openRedis(nobodyListens, silent);
  const cache = redisCache(redis);
  await cache.set("key", "value", 1_000);
  assert.equal(await cache.get("key"), undefined);
  await cache.delete("key");
  assert.equal(await cache.isUp(), false);
});
