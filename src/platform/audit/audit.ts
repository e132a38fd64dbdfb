import type { Context, Origin } from "#kernel/context.ts";
import type { Instant } from "#kernel/instant.ts";

/** An audit entry: actor, operation, targets, origin and outcome. */
export type AuditEntry = {
  readonly at: Instant;
  readonly actor: string;
  readonly credential?: string;
  /** As in `<context>.<handler>`. */
  readonly operation: string;
  /** `ok`, or the type of the refusal. */
  readonly outcome: string;
  /** Ids of the aggregates that were changed, or that were asked for. */
  readonly targets: readonly string[];
  readonly origin?: Origin;
  readonly correlationId: string;
};

export type AuditFilter = {
  readonly actor?: string | undefined;
  readonly target?: string | undefined;
  readonly operation?: string | undefined;
  readonly outcome?: string | undefined;
  readonly from?: Instant | undefined;
  readonly until?: Instant | undefined;
};

/** `position`: a number that grows with each entry. */
export type AuditRecord = AuditEntry & { readonly position: number };

/** Port: the audit, which is append-only. Operations are entered with their commit. */
export type Audit = {
  /** Enters a refusal, which changes nothing. */
  readonly enter: (entry: AuditEntry) => Promise<void>;
  /** The newest first, below a position. */
  readonly page: (
    filter: AuditFilter,
    page: { readonly before?: number | undefined; readonly limit: number },
  ) => Promise<readonly AuditRecord[]>;
};

export function entryOf(
  { actor, credential, operation = "unknown", origin, correlationId }: Context,
  { at, outcome, targets }: Pick<AuditEntry, "at" | "outcome" | "targets">,
): AuditEntry {
  return {
    at,
    actor,
    operation,
    outcome,
    targets,
    correlationId,
    ...(credential === undefined ? {} : { credential }),
    ...(origin === undefined ? {} : { origin }),
  };
}

/** Whether an entry is one that is asked for. */
export const matches = (entry: AuditEntry, filter: AuditFilter): boolean =>
  (filter.actor === undefined || entry.actor === filter.actor) &&
  (filter.target === undefined || entry.targets.includes(filter.target)) &&
  (filter.operation === undefined || entry.operation === filter.operation) &&
  (filter.outcome === undefined || entry.outcome === filter.outcome) &&
  (filter.from === undefined || entry.at >= filter.from) &&
  (filter.until === undefined || entry.at < filter.until);
