import type { Logger } from "pino";

type Task = {
  readonly name: string;
  readonly everyMs: number;
  readonly work: () => Promise<void>;
  readonly log: Logger;
  /** Whether it is done once more at the end. */
  readonly atTheEndToo?: true;
};

/** Does something now and then, never twice at once, and waits for it at the end. */
export function every({ name, everyMs, work, log, atTheEndToo }: Task): AsyncDisposable {
  const attempt = () =>
    work().catch((error: unknown) =>
      log.warn({ task: name, error: String(error) }, "a scheduled task failed"),
    );
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= attempt().finally(() => {
      running = undefined;
    });
  }, everyMs).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
      if (atTheEndToo) await attempt();
    },
  };
}
