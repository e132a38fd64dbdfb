import type { Audit, AuditEntry } from "#kernel/audit.ts";
import { matches } from "./audit.ts";

/** The audit in memory, oldest entry first. */
export const memoryAudit = (entries: AuditEntry[]): Audit => ({
  enter: async (entry) => void entries.push(entry),
  page: async (filter, { before = Number.POSITIVE_INFINITY, limit }) =>
    entries
      .map((entry, i) => ({ ...entry, position: i + 1 }))
      .filter((entry) => entry.position < before && matches(entry, filter))
      .toReversed()
      .slice(0, limit),
});
