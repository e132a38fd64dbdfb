import { maxOpenStagings, maxPieces } from "../../domain/staging.ts";
import { codeOf, sentenceOf } from "#platform/http/problem.ts";

/** The HTTP status of each refusal. A use case with a refusal that is missing here does not compile. */
const statuses = {
  "path-invalid": 400,
  "path-not-found": 404,
  "metadata-invalid": 400,
  "checksum-invalid": 400,
  "checksum-mismatch": 460,
  "concat-invalid": 400,
  "upload-is-final": 403,
  interrupted: 409,
  "method-not-allowed": 405,
  "version-unknown": 412,
  "staging-unfinished": 409,
  "not-a-folder": 409,
  "not-a-file": 409,
  "node-not-found": 404,
  "node-in-trash": 404,
  "node-cycle": 409,
  "too-deep": 409,
  "other-space": 409,
  // tus-js-client retries a request that is answered with 409.
  "name-taken": 422,
  "stale-revision": 409,
  "staging-not-found": 404,
  "staging-exists": 409,
  "staging-sealed": 409,
  "offset-mismatch": 409,
  "length-mismatch": 413,
  "too-many-pieces": 409,
  "too-many-stagings": 429,
  // After any other refusal of a HEAD, tus-js-client begins another upload.
  "too-busy": 423,
  "file-too-large": 413,
  "quota-exceeded": 507,
  forbidden: 403,
  conflict: 423,
} as const;

export type Refusal = { readonly type: keyof typeof statuses; readonly [detail: string]: unknown };

/** What people are told, where the name of a refusal says too little. */
const sentences: Readonly<Record<string, string>> = {
  "path-not-found": "No folder is there",
  "not-a-folder": "A file is there, not a folder",
  "name-taken": "A file or a folder with this name is there already",
  "too-many-stagings": `${maxOpenStagings} uploads of yours are not finished: finish or cancel one, or wait until they end`,
  "too-many-pieces": `One upload takes ${maxPieces} requests at most`,
  "staging-not-found": "No such upload is there, or it has ended",
  "staging-sealed": "The upload has come whole",
  forbidden: "The key, or the role in this space, does not allow it",
};

/** A refusal as `@tus/server` takes it: thrown, it is the answer. */
export class Refused extends Error {
  readonly status_code: number;
  readonly body: string;

  constructor({ type, ...details }: Refusal) {
    const sentence = sentences[type];
    const said = sentence === undefined ? sentenceOf(type, details) : `${sentence}.`;
    const body = `${codeOf(type)}: ${said}\n`;
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
