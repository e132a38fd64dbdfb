import { randomFillSync } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { createIds, type NewId, type Random } from "#kernel/id.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import type { Runtime, Timers } from "./runtime.ts";

let spelt = { unixMs: 0, instant: Instant.fromUnixMs(0) };

export const systemClock: Clock = {
  /** Spelt once a millisecond: under load, many ask within one. */
  now() {
    const unixMs = Date.now();
    if (unixMs !== spelt.unixMs) spelt = { unixMs, instant: Instant.fromUnixMs(unixMs) };
    return spelt.instant;
  },
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

export const systemTimers: Timers = {
  elapsedMs: () => performance.now(),
  after(ms, act) {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
  every(ms, act) {
    const timer = setInterval(act, ms).unref();
    return () => clearInterval(timer);
  },
  turn: () => turn(),
};

/** The machine that this process runs on. */
export const systemRuntime: Runtime = {
  clock: systemClock,
  timers: systemTimers,
  newId: systemIds,
  random: systemRandom,
  chance: Math.random,
};
