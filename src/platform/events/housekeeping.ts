import type { Logger } from "pino";
import type { EventAdmin } from "./admin.ts";

const everyMs = 60_000;
/** Rows of one delete: small enough to hold no lock for long. */
const batch = 1_000;

export type Retention = {
  /** 0 keeps events for ever. */
  readonly eventDays: number;
  readonly idempotencyHours: number;
};

/** Deletes, at once and then now and then, in small batches, what nobody needs any more. */
export function keepHouse(
  logs: readonly EventAdmin[],
  { eventDays, idempotencyHours }: Retention,
  log: Logger,
): AsyncDisposable {
  const cleanOrSay = () =>
    clean().catch((error: unknown) => log.warn({ error: String(error) }, "housekeeping failed"));
  const timer = setInterval(() => {
    running = running.then(cleanOrSay);
  }, everyMs).unref();

  const stop = new AbortController();
  const drain = async (deleteSome: () => Promise<number>) => {
    while (!stop.signal.aborted && (await deleteSome()) === batch);
  };
  async function clean(): Promise<void> {
    for (const admin of logs) {
      await drain(() => admin.forgetKeys(idempotencyHours, batch));
      if (eventDays > 0) await drain(() => admin.prune(eventDays, batch));
    }
  }
  let running = cleanOrSay();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      clearInterval(timer);
      await running;
    },
  };
}
