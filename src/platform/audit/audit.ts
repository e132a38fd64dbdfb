import type { AuditEntry, AuditFilter } from "#kernel/audit.ts";

/** Whether an entry is one that is asked for. */
export const matches = (entry: AuditEntry, filter: AuditFilter): boolean =>
  (filter.actor === undefined || entry.actor === filter.actor) &&
  (filter.target === undefined || entry.targets.includes(filter.target)) &&
  (filter.operation === undefined || entry.operation === filter.operation) &&
  (filter.outcome === undefined || entry.outcome === filter.outcome) &&
  (filter.from === undefined || entry.at >= filter.from) &&
  (filter.until === undefined || entry.at < filter.until);
