import type { Audit, AuditEntry } from "#kernel/audit.ts";
import type { Clock } from "#kernel/instant.ts";
import { matches } from "./audit.ts";

/** The audit in memory, oldest entry first. */
export const memoryAudit = (entries: AuditEntry[], clock: Clock): Audit => ({
  enter: async (entry) => void entries.push({ ...entry, at: clock.now() }),
  async erase({ actor, emails }) {
    const names = new Set(emails);
    for (const [i, { origin: _, ...entry }] of entries.entries())
      if (entry.actor === actor || entry.targets.some((target) => names.has(target)))
        entries[i] = { ...entry, targets: entry.targets.filter((target) => !target.includes("@")) };
  },
  page: async (filter, { before = Number.POSITIVE_INFINITY, limit }) =>
    entries
      .map((entry, i) => ({ ...entry, position: i + 1 }))
      .filter((entry) => entry.position < before && matches(entry, filter))
      .toReversed()
      .slice(0, limit),
});
