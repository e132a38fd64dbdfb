import type { Logger } from "pino";
import type { EventAdmin } from "./admin.ts";

const everyMs = 60_000;
/** Rows of one delete: small enough to hold no lock for long. */
const batch = 1_000;

export type Retention = {
  /** 0 keeps events for ever. */
  readonly eventRetentionDays: number;
  readonly idempotencyRetentionHours: number;
};

/** A log to look after. Where aggregates and read models are made of its events, all are kept. */
export type HousedLog = EventAdmin & { readonly isEventStore?: boolean };

/** Deletes at most so many rows that nobody needs any more; answers how many. */
export type Chore = (limit: number) => Promise<number>;

/** Deletes, at once and then now and then, in small batches, what nobody needs any more. */
export function keepHouse(
  logs: readonly HousedLog[],
  { eventRetentionDays: eventDays, idempotencyRetentionHours: idempotencyHours }: Retention,
  log: Logger,
  chores: readonly Chore[] = [],
): AsyncDisposable {
  const cleanOrSay = () =>
    clean().catch((error: unknown) => log.warn({ error: String(error) }, "housekeeping failed"));
  let isRunning = true;
  const run = async () => {
    isRunning = true;
    await cleanOrSay();
    isRunning = false;
  };
  const timer = setInterval(() => {
    if (!isRunning) running = run();
  }, everyMs).unref();

  const stop = new AbortController();
  const drain = async (deleteSome: () => Promise<number>) => {
    while (!stop.signal.aborted && (await deleteSome()) === batch);
  };
  async function clean(): Promise<void> {
    for (const admin of logs) {
      await drain(() => admin.forgetKeys(idempotencyHours, batch));
      await drain(() => admin.forgetChanges(batch));
      if (eventDays > 0 && !admin.isEventStore) await drain(() => admin.prune(eventDays, batch));
    }
    for (const chore of chores) await drain(() => chore(batch));
  }
  let running = run();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      clearInterval(timer);
      await running;
    },
  };
}
