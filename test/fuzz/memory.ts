import { setTimeout as sleep } from "node:timers/promises";
import { heapOf, metricsOf } from "../support/metrics.ts";

const everyMs = 250;
/** What is reached at the end over what is reached early on: caches fill, tables of names grow. */
const growthLimit = 1.75;

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

/** Fewer tell nothing: everything is still being loaded. */
const fewestSamples = 40;

/** The least of some samples: what is left after the garbage has gone. */
const floor = (samples: readonly number[]) => Math.min(...samples);

/** Watches the heap of a process; flat: its floor in the last half is that of the second quarter. */
export function watchMemory(metrics: URL) {
  const stop = new AbortController();
  const samples: number[] = [];
  async function watch(): Promise<void> {
    while (!stop.signal.aborted) {
      const now = await metricsOf(metrics).catch(() => undefined); // who is gone is seen elsewhere
      if (now) samples.push(heapOf(now));
      await sleep(everyMs, undefined, { signal: stop.signal }).catch(() => {});
    }
  }
  const watching = watch();
  return {
    async end(): Promise<{ readonly growth: string; readonly isFlat: boolean }> {
      stop.abort();
      await watching;
      if (samples.length < fewestSamples) return { growth: "memory not judged", isFlat: true };
      const quarter = samples.length >> 2;
      const [early, late] = [
        floor(samples.slice(quarter, quarter * 2)),
        floor(samples.slice(-quarter * 2)), // a quarter may be too short for the garbage to go
      ];
      return {
        growth: `heap ${mebibytes(early)}, then ${mebibytes(late)} (limit ${growthLimit} ×)`,
        isFlat: late <= early * growthLimit,
      };
    },
  };
}
