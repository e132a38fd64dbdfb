import type { Context, Origin } from "./context.ts";
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

/** An entry before it has its time, which the audit sets. */
export type AuditAddition = Omit<AuditEntry, "at">;

/** Targets that one entry names; the events of its correlation id name all. */
const maxTargets = 1_000;

/** Makes the audit entry of an operation from its context, its outcome and its targets. */
export function entryOf(
  { actor, credential, operation = "unknown", origin, correlationId }: Context,
  { outcome, targets }: Pick<AuditEntry, "outcome" | "targets">,
): AuditAddition {
  return {
    actor,
    operation,
    outcome,
    targets: targets.slice(0, maxTargets),
    correlationId,
    ...(credential === undefined ? {} : { credential }),
    ...(origin === undefined ? {} : { origin }),
  };
}

/** `position`: a number that grows with each entry. */
export type AuditRecord = AuditEntry & { readonly position: number };

/** Port: the audit, which is append-only. Operations are entered with their commit. */
export type Audit = {
  /** Enters a refusal, which changes nothing. */
  readonly enter: (entry: AuditAddition) => Promise<void>;
  /**
   * Erases origins and email addresses in the entries of an actor, and in those that name one of these addresses. All else
   * stays, and so does the proof that nothing else was changed.
   */
  readonly erase: (subject: {
    readonly actor: string;
    readonly emails: readonly string[];
  }) => Promise<void>;
  /** The newest first, below a position. */
  readonly page: (
    filter: AuditFilter,
    page: { readonly before?: number | undefined; readonly limit: number },
  ) => Promise<readonly AuditRecord[]>;
};
