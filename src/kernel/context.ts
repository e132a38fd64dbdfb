/** Makes a retried request harmless: one key, one effect. */
export type IdempotencyKey = {
  readonly key: string;
  /** The fingerprint of the whole request. */
  readonly fingerprint: string;
  /** The fingerprints under older master keys, under which the first request may have come. */
  readonly formerly?: readonly string[];
};

/** Whether a fingerprint that is kept is that of the same request. */
export const isSameRequest = ({ fingerprint, formerly }: IdempotencyKey, kept: string): boolean =>
  kept === fingerprint || formerly?.includes(kept) === true;

/** The key of a request whose body has a digest of its own. */
export const withDigest = (idempotency: IdempotencyKey, digest: string): IdempotencyKey => ({
  key: idempotency.key,
  fingerprint: `${idempotency.fingerprint} ${digest}`,
  formerly: (idempotency.formerly ?? []).map((fingerprint) => `${fingerprint} ${digest}`),
});

/** The actor of a request, and the credential that it used. */
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

/** The origin of a request. */
export type Origin = { readonly address: string; readonly agent: string };

/** In whose name, why and until when something is done. Handed from the edge to every port. */
export type Context = Principal & {
  readonly origin?: Origin;
  /** The operation, as in `<context>.<handler>`, for the audit. */
  readonly operation?: string;
  /** One for everything that follows from one request: in logs, traces, errors and events. */
  readonly correlationId: string;
  /** The event that led to this, if one did. */
  readonly causationId?: string;
  /** No answer is awaited after this time, in milliseconds since 1970. */
  readonly deadlineMs: number;
  readonly idempotency?: IdempotencyKey;
};
