/** Makes a retried request harmless: one key, one effect. `fingerprint` is of the whole request. */
export type IdempotencyKey = { readonly key: string; readonly fingerprint: string };

/** Who asks, and how they showed it. */
export type Principal = {
  /** An id, or `anonymous`, or `system`. */
  readonly actor: string;
  /** The session or API key that was shown. Missing for `anonymous` and `system`. */
  readonly credential?: string;
  /** When the actor last proved who they are, in milliseconds since 1970. No API key does. */
  readonly signedInAtMs?: number;
  /** All that an API key may be used for; missing where nothing limits the actor. */
  readonly scopes?: readonly string[];
};

/** Where a request came from. */
export type Origin = { readonly address: string; readonly agent: string };

/** In whose name, why and until when something is done. Handed from the edge to every port. */
export type Context = Principal & {
  readonly origin?: Origin;
  /** What is being done, as in `identity.renameUser`: the audit names it. */
  readonly operation?: string;
  /** One for everything that follows from one request: in logs, traces, errors and events. */
  readonly correlationId: string;
  /** The event that led to this, if one did. */
  readonly causationId?: string;
  /** No answer is awaited after this time, in milliseconds since 1970. */
  readonly deadlineMs: number;
  readonly idempotency?: IdempotencyKey;
};
