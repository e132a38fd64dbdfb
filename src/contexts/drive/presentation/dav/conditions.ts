import { err, ok, type Result } from "#kernel/result.ts";

/** One thing that must hold, or must not: the lock of a token covers a resource, or the resource has an entity tag. */
type Condition = { readonly isNot: boolean } & (
  | { readonly token: string }
  | { readonly tag: string }
);
/** All of them must hold, of the resource that is asked for, or of the one that is named. */
type List = { readonly resource?: string; readonly conditions: readonly Condition[] };
/** One of them must hold. */
export type Lists = readonly List[];

export type HeaderInvalid = { readonly type: "header-invalid"; readonly header: string };

/** Lists of one header, and conditions of all of them, at most. */
const [maxLists, maxConditions] = [100, 200];

const part = /\s*(?:<([^<>\s]+)>|(\()|(\))|(Not)\b|\[((?:W\/)?"[^"]*")\])/iy;

/** Reads an `If` header. Source: RFC 4918, 10.4. */
export function readIf(header: string): Result<Lists, HeaderInvalid> {
  const invalid = err<HeaderInvalid>({ type: "header-invalid", header: "If" });
  const lists: List[] = [];
  let resource: string | undefined;
  let open: Condition[] | undefined;
  let isNot = false;
  let count = 0;
  const text = header.trimEnd();
  part.lastIndex = 0;
  while (part.lastIndex < text.length) {
    const [found, uri, opens, closes, not, tag] = part.exec(text) ?? [];
    if (found === undefined) return invalid;
    if (opens !== undefined) {
      if (open) return invalid;
      open = [];
    } else if (closes !== undefined) {
      if (!open || open.length === 0 || isNot) return invalid;
      lists.push({ ...(resource === undefined ? {} : { resource }), conditions: open });
      open = undefined;
    } else if (open) {
      if (not !== undefined && isNot) return invalid;
      if (not === undefined) {
        open.push(tag === undefined ? { isNot, token: uri ?? "" } : { isNot, tag });
        count += 1;
      }
      isNot = not !== undefined;
    } else if (uri === undefined || (lists.length > 0 && resource === undefined)) return invalid;
    else resource = uri;
    if (lists.length > maxLists || count > maxConditions) return invalid;
  }
  return open || lists.length === 0 || part.lastIndex === 0 ? invalid : ok(lists);
}

/** All tokens that a header names, whatever becomes of its conditions. */
export const tokensIn = (lists: Lists): ReadonlySet<string> =>
  new Set(
    lists.flatMap(({ conditions }) =>
      conditions.flatMap((one) => ("token" in one ? [one.token] : [])),
    ),
  );

/** What conditions are asked of: an entity tag, if the resource has one, and tokens of the locks that cover it. */
export type State = { readonly tag: string | undefined; readonly tokens: ReadonlySet<string> };

/** Whether one of the lists holds. */
export async function holds(
  lists: Lists,
  stateOf: (resource: string | undefined) => Promise<State>,
): Promise<boolean> {
  for (const { resource, conditions } of lists) {
    const state = await stateOf(resource);
    const isMet = (one: Condition) =>
      one.isNot !== ("token" in one ? state.tokens.has(one.token) : state.tag === one.tag);
    if (conditions.every(isMet)) return true;
  }
  return false;
}

const tagsIn = (header: string): readonly string[] => header.split(",").map((tag) => tag.trim());

/** What is there. Without a `tag` it has no content. */
export type Present = { readonly tag: string | undefined; readonly modifiedAtMs: number };
type Headers = {
  readonly "if-match"?: string | undefined;
  readonly "if-none-match"?: string | undefined;
  readonly "if-unmodified-since"?: string | undefined;
};

/** A date of HTTP; not a number where the header is missing or no date, as on 30 February. */
function dateIn(header: string | undefined): number {
  const ms = Date.parse(header ?? "");
  return !Number.isNaN(ms) && new Date(ms).toUTCString() === header?.trim() ? ms : Number.NaN;
}

/** Whether headers let a change go on. `found`: undefined where nothing is there. Source: RFC 9110, 13.1. */
export function allows(headers: Headers, found: Present | undefined): boolean {
  const { "if-match": match, "if-none-match": none, "if-unmodified-since": since } = headers;
  const tag = found?.tag;
  const has = (header: string, isSame: (told: string) => boolean) =>
    found !== undefined && (header.trim() === "*" || tagsIn(header).some(isSame));
  if (none !== undefined && has(none, (told) => told.replace(/^W\//, "") === tag)) return false;
  if (match !== undefined) return has(match, (told) => told === tag);
  const sinceMs = dateIn(since);
  return Number.isNaN(sinceMs) || (found?.modifiedAtMs ?? 0) < sinceMs + 1_000;
}
