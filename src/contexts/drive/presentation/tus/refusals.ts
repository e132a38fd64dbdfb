import { codeOf, sentenceOf } from "#platform/http/problem.ts";

/** What each refusal is in the statuses of tus: one of a use case without a status does not compile. */
const statuses = {
  "path-invalid": 400,
  "path-not-found": 404,
  "metadata-invalid": 400,
  "checksum-invalid": 400,
  "checksum-mismatch": 460,
  "concat-invalid": 400,
  "upload-is-final": 403,
  "not-a-folder": 409,
  "not-a-file": 409,
  "node-not-found": 404,
  "node-in-trash": 404,
  "node-cycle": 409,
  "too-deep": 409,
  "other-space": 409,
  "name-taken": 409,
  "stale-revision": 409,
  "staging-not-found": 404,
  "staging-exists": 409,
  "staging-sealed": 409,
  "offset-mismatch": 409,
  "length-mismatch": 413,
  "too-many-pieces": 409,
  "too-many-stagings": 429,
  "too-busy": 503,
  "file-too-large": 413,
  "quota-exceeded": 507,
  forbidden: 403,
  conflict: 409,
} as const;

export type Refusal = { readonly type: keyof typeof statuses; readonly [detail: string]: unknown };

/** A refusal as `@tus/server` takes it: thrown, it is the answer. */
export class Refused extends Error {
  readonly status_code: number;
  readonly body: string;

  constructor({ type, ...details }: Refusal) {
    const body = `${codeOf(type)}: ${sentenceOf(type, details)}\n`;
    super(body);
    this.status_code = statuses[type];
    this.body = body;
  }
}

type Outcome<V> =
  | { readonly ok: true; readonly value: V }
  | { readonly ok: false; readonly error: Refusal };

/** The value of a result. Throws the refusal. */
export function granted<V>(result: Outcome<V>): V {
  if (!result.ok) throw new Refused(result.error);
  return result.value;
}
