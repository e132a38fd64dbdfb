import type { Job } from "../scheduler/jobs.ts";
import type { EventAdmin } from "./admin.ts";

const everyMs = 60_000;
const withinMs = 600_000;
/** Rows of one delete: small enough to hold no lock for long. */
const batch = 1_000;

export type Retention = {
  /** 0 keeps events for ever. */
  readonly eventRetentionDays: number;
  readonly idempotencyRetentionHours: number;
};

/** A log to look after. Where aggregates and read models are made of its events, all are kept. */
export type HousedLog = EventAdmin & { readonly isEventStore?: boolean };

/** Does at most so many pieces of work, such as deleting rows that are no longer needed; answers their number. */
export type Chore = (limit: number) => Promise<number>;

/** The job that deletes old rows, and does the chores of modules, in small batches. */
export const housekeeping = (
  logs: readonly HousedLog[],
  { eventRetentionDays: eventDays, idempotencyRetentionHours: idempotencyHours }: Retention,
  chores: readonly Chore[] = [],
): Job => ({
  name: "basalt.housekeeping",
  everyMs,
  withinMs,
  async work(_context, stopping) {
    const drain = async (deleteSome: () => Promise<number>) => {
      while (!stopping.aborted && (await deleteSome()) === batch);
    };
    for (const chore of chores) await drain(() => chore(batch)); // before events go that they need
    for (const admin of logs) {
      await drain(() => admin.forgetKeys(idempotencyHours, batch));
      await drain(() => admin.forgetChanges(batch));
      if (eventDays > 0 && !admin.isEventStore) await drain(() => admin.prune(eventDays, batch));
    }
  },
});
