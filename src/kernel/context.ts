/** Makes a retried request harmless: one key, one effect. `fingerprint` is of the whole request. */
export type IdempotencyKey = { readonly key: string; readonly fingerprint: string };

/** In whose name, why and until when something is done. Handed from the edge to every port. */
export type Context = {
  /** An id, or `anonymous`, or `system`. */
  readonly actor: string;
  /** One for everything that follows from one request: in logs, traces, errors and events. */
  readonly correlationId: string;
  /** The event that led to this, if one did. */
  readonly causationId?: string;
  /** No answer is awaited after this time, in milliseconds since 1970. */
  readonly deadlineMs: number;
  readonly idempotency?: IdempotencyKey;
};
