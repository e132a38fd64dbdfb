import { Permissions } from "../../application/permission.ts";
import { sentenceOf } from "#platform/http/problem.ts";
import type { TextAnswer } from "#platform/http/door.ts";

/** An error as the API of Dropbox tells it: the name of one case of a union, with what belongs to it. */
export type Tagged = { readonly ".tag": string; readonly [field: string]: unknown };
export const tagged = (tag: string, more: object = {}): Tagged => ({ ".tag": tag, ...more });

/** The error of the API for each refusal. A use case with a refusal that is missing here does not compile. */
const errors = {
  "path-invalid": "malformed_path",
  "path-not-found": "not_found",
  "node-not-found": "not_found",
  "space-not-found": "not_found",
  "node-in-trash": "not_found",
  "node-not-in-trash": "conflict",
  "revision-not-found": "not_found",
  "link-not-found": "not_found",
  "not-a-file": "not_file",
  "not-a-folder": "not_folder",
  "name-invalid": "disallowed_name",
  "name-taken": "conflict",
  "stale-revision": "conflict",
  "node-is-root": "restricted_content",
  "space-not-made-here": "no_write_permission",
  "node-cycle": "cant_move_folder_into_itself",
  "other-space": "cant_move_shared_folder",
  "too-deep": "malformed_path",
  forbidden: "no_write_permission",
  "precondition-failed": "conflict",
  "quota-exceeded": "insufficient_space",
  "file-too-large": "payload_too_large",
  "too-many-nodes": "too_many_files",
  "staging-not-found": "not_found",
  "staging-exists": "conflict",
  "staging-sealed": "closed",
  "staging-unfinished": "incorrect_offset",
  "offset-mismatch": "incorrect_offset",
  "length-mismatch": "incorrect_offset",
  "too-many-pieces": "too_large",
  "too-many-stagings": "too_many_write_operations",
  "too-many-links": "settings_error",
  "expiry-past": "settings_error",
  "preview-without-downloads": "settings_error",
  "cursor-lost": "reset",
  "content-mismatch": "content_hash_mismatch",
  "too-busy": "too_many_write_operations",
  conflict: "too_many_write_operations",
} as const;

export type Refusal = { readonly type: keyof typeof errors; readonly [detail: string]: unknown };
type Outcome<V> =
  | { readonly ok: true; readonly value: V }
  | { readonly ok: false; readonly error: Refusal };

/** An error that is the answer. `error`: undefined of a malformed call. */
export class Refused extends Error {
  readonly answer: TextAnswer;
  readonly error: Tagged | undefined;

  constructor(answer: TextAnswer, error?: Tagged) {
    super("the call was refused");
    this.answer = answer;
    this.error = error;
  }
}

export const json = (status: number, value: unknown): TextAnswer => ({
  status,
  headers: { "content-type": "application/json" },
  text: JSON.stringify(value),
});

/** Arguments that the API does not have in this way. */
export const malformed = (why: string): Refused =>
  new Refused({
    status: 400,
    headers: { "content-type": "text/plain; charset=utf-8" },
    text: `Error in call to the API: ${why}`,
  });

/** `path/not_found/`: the names of the cases, from the outer one to the inner one. */
function summaryOf(error: Tagged): string {
  const tag = error[".tag"];
  const inner = error[tag];
  const isTagged = typeof inner === "object" && inner !== null && ".tag" in inner;
  return isTagged ? `${tag}/${summaryOf(inner as Tagged)}` : `${tag}/`;
}

export const failed = (error: Tagged, text?: string): Refused =>
  new Refused(
    json(409, {
      error_summary: summaryOf(error),
      error,
      ...(text === undefined ? {} : { user_message: { text, locale: "en" } }),
    }),
    error,
  );

/** The conflict with a file or a folder that has the name. */
export const conflictWith = (kind: "file" | "folder"): Tagged =>
  tagged("conflict", { conflict: tagged(kind) });

/** What a refusal is, as one case. */
export function caseOf({ type, ...details }: Refusal): Tagged {
  // A node that the caller may not read is answered like one that does not exist.
  if (type === "forbidden" && details["permission"] === Permissions.readNode)
    return tagged("not_found");
  const name = errors[type];
  return name === "conflict" ? conflictWith("file") : tagged(name);
}

/** How an endpoint tells an error: under the names of the cases around it. */
export type Around = readonly string[];
export const within = (around: Around, inner: Tagged): Tagged =>
  around.reduceRight<Tagged>((error, name) => tagged(name, { [name]: error }), inner);

/** The value of a result. Throws the error of the API that its refusal is. */
export function granted<V>(result: Outcome<V>, around: Around = ["path"]): V {
  if (result.ok) return result.value;
  const { type, ...details } = result.error;
  const told = type === "forbidden" ? undefined : sentenceOf(type, details);
  throw failed(within(around, caseOf(result.error)), told);
}

/** The outcome of one entry of a batch. */
export async function outcomeOf(work: () => Promise<object>, around: Around = []): Promise<Tagged> {
  try {
    return tagged("success", await work());
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return tagged("failure", { failure: within(around, error.error ?? tagged("other")) });
  }
}
