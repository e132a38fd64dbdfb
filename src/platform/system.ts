import { randomFillSync } from "node:crypto";
import { createIds, type NewId, type Random } from "#kernel/id.ts";
import { Instant, type Clock } from "#kernel/instant.ts";

export const systemClock: Clock = {
  now: () => Instant.fromUnixMs(Date.now()),
  unixMs: () => Date.now(),
};

const poolBytes = 4_096;
const pool = new Uint8Array(poolBytes);
let used = poolBytes;

/** From the system's generator, a pool at a time: a call for each id costs more than the id. */
export const systemRandom: Random = (size) => {
  if (used + size > poolBytes) {
    randomFillSync(pool);
    used = 0;
  }
  used += size;
  return pool.slice(used - size, used);
};

export const systemIds: NewId = createIds({ clock: systemClock, random: systemRandom });
