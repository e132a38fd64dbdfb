import type { Origin } from "./context.ts";
import type { Instant } from "./instant.ts";

/** An audit entry: actor, operation, targets, origin and outcome. */
export type AuditEntry = {
  readonly at: Instant;
  readonly actor: string;
  readonly credential?: string;
  /** The operation, as in `<context>.<handler>`. */
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
