import type { NewId, Random } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";

export type Cancel = () => void;

/** Port: time that passes. All times are milliseconds. */
export type Timers = {
  /** Time since some moment. It never steps back, as a clock may. */
  readonly elapsedMs: () => number;
  /** Acts once after a while, unless it is cancelled before. */
  readonly after: (ms: number, act: () => void) => Cancel;
  /** Acts again and again until it is cancelled. It alone keeps no process alive. */
  readonly every: (ms: number, act: () => void) => Cancel;
  /** Returns once everything that is ready by now has run. */
  readonly turn: () => Promise<void>;
};

/** Ports to all that a run depends on besides its input. */
export type Runtime = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly newId: NewId;
  readonly random: Random;
  /** A number in [0, 1), for jitter. */
  readonly chance: () => number;
};

/** Throws where work takes longer than it may; it may go on in the background. */
export async function within<T>(timers: Timers, limitMs: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const cancel = timers.after(limitMs, () =>
    late.reject(new Error(`not done within ${limitMs} ms`)),
  );
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    cancel();
  }
}

/** Returns after a while, or as soon as `signal` is aborted. */
export async function pause(timers: Timers, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const over = Promise.withResolvers<void>();
  const cancel = timers.after(ms, over.resolve);
  const end = () => over.resolve();
  signal.addEventListener("abort", end);
  await over.promise;
  signal.removeEventListener("abort", end);
  cancel();
}
