import type { Logger } from "pino";

type Task = {
  readonly name: string;
  readonly everyMs: number;
  readonly work: () => Promise<void>;
  readonly log: Logger;
};

/** Does something now and then, never twice at once, and waits for it at the end. */
export function every({ name, everyMs, work, log }: Task): AsyncDisposable {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= work()
      .catch((error: unknown) => log.warn({ task: name, error: String(error) }, "a task failed"))
      .finally(() => {
        running = undefined;
      });
  }, everyMs).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
    },
  };
}
