import type { Logger } from "pino";
import type { Timers } from "../runtime.ts";

type Task = {
  readonly name: string;
  readonly everyMs: number;
  readonly work: () => Promise<void>;
  readonly log: Logger;
  readonly timers: Timers;
};

export type Repeated = AsyncDisposable & {
  /** Does it now, unless it is being done; returns when that has ended. */
  readonly now: () => Promise<void>;
};

/** Repeats a task, never twice at once. Disposal waits for the running one. */
export function every({ name, everyMs, work, log, timers }: Task): Repeated {
  let running: Promise<void> | undefined;
  const now = () =>
    (running ??= work()
      .catch((error: unknown) =>
        log.warn({ task: name, error: String(error) }, "a scheduled task failed"),
      )
      .finally(() => (running = undefined)));
  const cancel = timers.every(everyMs, () => void now());
  return {
    now,
    async [Symbol.asyncDispose]() {
      cancel();
      await running;
    },
  };
}
