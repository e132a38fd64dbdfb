import type { Instant } from "#kernel/instant.ts";

/** How far the past goes back. */
export type Retention = {
  /** From when on the past is whole. */
  readonly keptFrom: () => Promise<Instant>;
  /** Deletes contents that were replaced and places that were left before an instant, the oldest first; about `limit` of them. Answers from when on the past is whole then. */
  readonly prune: (until: Instant, limit: number) => Promise<Instant>;
};
