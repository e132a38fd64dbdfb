import { median, percentile } from "../../bench/measure.ts";
import type { Tally } from "./steady.ts";

/** Some time of the soak: what was answered, and how the server was at its end. */
export type Window = {
  readonly n: number;
  readonly disturbance: string | undefined;
  readonly tally: Tally;
  readonly measured:
    | {
        readonly heapBytes: number;
        readonly residentBytes: number;
        readonly files: number;
        readonly lag: number;
      }
    | undefined;
};

const mebibytes = (bytes: number) => bytes / 2 ** 20;

export const title =
  "window  answered  failed   p50 ms   p95 ms   p99 ms  heap MiB  RSS MiB  files  lag  what happened";

export function lineOf({ n, tally, measured, disturbance }: Window): string {
  const { latenciesMs, failed, refused } = tally;
  const times = [0.5, 0.95, 0.99].map((share) => percentile(latenciesMs, share).toFixed(1));
  const { heapBytes = NaN, residentBytes = NaN, files = NaN, lag = NaN } = measured ?? {};
  const columns = [
    String(n + 1).padStart(6),
    String(latenciesMs.length).padStart(8),
    String(failed + refused).padStart(6),
    ...times.map((ms) => ms.padStart(7)),
    mebibytes(heapBytes).toFixed(0).padStart(8),
    mebibytes(residentBytes).toFixed(0).padStart(7),
    String(files).padStart(5),
    String(lag).padStart(3),
    disturbance ?? "",
  ];
  return columns.join("  ");
}

/** How much more there may be at the end than before; noise of the machine is less. */
const limits = { p50: 1.5, p95: 2, heap: 1.5, RSS: 1.5, files: 1.25 };
/** Events that nobody has read yet, when nothing disturbs. */
const lagLimit = 500;

/**
 * Requests that failed and events that wait in windows that nothing disturbed; and what grows from
 * the first third to the last of those windows from `judgedFrom` on, which one process has served.
 */
export function unevenness(windows: readonly Window[], judgedFrom: number): readonly string[] {
  const quiet = windows.filter(({ disturbance }) => disturbance === undefined);
  const served = quiet.filter(({ n }) => n >= judgedFrom);
  const third = Math.max(1, Math.floor(served.length / 3));
  const [first, last] = [served.slice(0, third), served.slice(-third)];
  const grows = (what: keyof typeof limits, measure: (window: Window) => number) => {
    const [before, after] = [median(first.map(measure)), median(last.map(measure))];
    const isFlat = after <= before * limits[what];
    return isFlat ? [] : [`${what} ${before.toFixed(1)}, then ${after.toFixed(1)}`];
  };
  const failures = quiet.filter(({ tally }) => tally.failed + tally.refused > 0);
  const behind = quiet.filter(({ measured }) => (measured?.lag ?? 0) > lagLimit);
  return [
    ...grows("p50", ({ tally }) => median(tally.latenciesMs)),
    ...grows("p95", ({ tally }) => percentile(tally.latenciesMs, 0.95)),
    ...grows("heap", ({ measured }) => mebibytes(measured?.heapBytes ?? NaN)),
    ...grows("RSS", ({ measured }) => mebibytes(measured?.residentBytes ?? NaN)),
    ...grows("files", ({ measured }) => measured?.files ?? NaN),
    ...failures.map(({ n, tally }) => `${tally.failed + tally.refused} failed in window ${n + 1}`),
    ...behind.map(({ n, measured }) => `${measured?.lag} events waited in window ${n + 1}`),
  ];
}
