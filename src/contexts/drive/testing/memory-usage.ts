import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import type { Usage } from "../application/ports/usage.ts";
import type { Fingerprint } from "../domain/content.ts";
import { contentsOf, type QuotaClaim, type Tables } from "./memory-tables.ts";

const bytesOf = (contents: Iterable<Fingerprint>): number =>
  [...contents].reduce((sum, { size }) => sum + size, 0);

/** The twin counts the contents of spaces anew each time. */
export const usageIn = (tables: Tables, { put }: MemoryTransaction): Usage => ({
  async of(ownerId, wanted) {
    const kept = contentsOf(tables, ownerId);
    const contents = wanted?.contents ?? [];
    const different = new Map(contents.map((one) => [`${wanted?.spaceId} ${one.hash}`, one]));
    const added = [...different].flatMap(([key, one]) => (kept.has(key) ? [] : [one]));
    return { usedBytes: bytesOf(kept.values()), newBytes: bytesOf(added) };
  },
  claim: (ownerId, { quotaBytes }) =>
    put<QuotaClaim>(tables.quotaClaims, ownerId, { ownerId, quotaBytes }),
});
