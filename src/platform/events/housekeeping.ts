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

/** Deletes, now and then and in small batches, what nobody needs any more. */
export function keepHouse(
  logs: readonly EventAdmin[],
  { eventDays, idempotencyHours }: Retention,
  log: Logger,
): Disposable {
  const timer = setInterval(() => {
    clean().catch((error: unknown) => log.warn({ error: String(error) }, "housekeeping failed"));
  }, everyMs).unref();

  async function clean(): Promise<void> {
    for (const admin of logs) {
      await drain(() => admin.forgetKeys(idempotencyHours, batch));
      if (eventDays > 0) await drain(() => admin.prune(eventDays, batch));
    }
  }
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function drain(deleteSome: () => Promise<number>): Promise<void> {
  while ((await deleteSome()) === batch);
}
