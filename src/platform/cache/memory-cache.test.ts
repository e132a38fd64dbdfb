import { cacheContract } from "./cache.contract.ts";
import { memoryCache } from "./memory-cache.ts";

cacheContract("memory", async () => memoryCache());
