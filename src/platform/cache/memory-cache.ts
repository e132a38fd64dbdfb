import { LRUCache } from "lru-cache";
import type { Cache } from "./cache.ts";

const maxBytes = 16 * 1024 * 1024;
const entryOverheadBytes = 100;

/** In the memory of the process: least recently used entries go first. */
export function memoryCache(): Cache {
  const entries = new LRUCache<string, string>({
    maxSize: maxBytes,
    sizeCalculation: (value, key) => (value.length + key.length) * 2 + entryOverheadBytes,
  });
  return {
    get: async (key) => entries.get(key),
    set: async (key, value, lifeMs) => {
      entries.set(key, value, { ttl: lifeMs });
    },
    delete: async (key) => {
      entries.delete(key);
    },
    isUp: async () => true,
  };
}
