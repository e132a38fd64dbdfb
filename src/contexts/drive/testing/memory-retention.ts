import { Instant } from "#kernel/instant.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import type { Retention } from "../application/ports/retention.ts";
import type { Revision } from "../application/ports/revisions.ts";
import type { KeptPast, PastPlace, Tables } from "./memory-tables.ts";

const key = "all";
const beginning = "0001-01-01T00:00:00.000Z" as Instant;

/** The twin deletes all at once. */
export const retentionIn = (
  { revisions, pastPlaces, keptPast }: Tables,
  { change, put }: MemoryTransaction,
): Retention => {
  const keptFrom = async () => keptPast.rows.get(key)?.from ?? beginning;
  return {
    keptFrom,
    async prune(until) {
      const from = await keptFrom();
      if (from >= until) return from;
      const all = [...revisions.rows];
      for (const [place, { nodeId, revision }] of all) {
        const isReplaced = all.some(
          ([, one]) => one.nodeId === nodeId && one.revision > revision && one.createdAt < until,
        );
        if (isReplaced) change<Revision>(revisions, place, () => undefined);
      }
      for (const [place, one] of pastPlaces.rows)
        if (one.until < until) change<PastPlace>(pastPlaces, place, () => undefined);
      put<KeptPast>(keptPast, key, { from: until });
      return until;
    },
  };
};
