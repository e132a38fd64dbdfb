import type { IdempotencyKey } from "#kernel/context.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Issue } from "#kernel/shape.ts";
import { problem, type Problem } from "./problem.ts";
import { entityTag, type Route } from "./route.ts";
import { requiresMatch } from "./schemas.ts";

type Header = string | readonly string[] | undefined;

export type Malformed = { readonly type: "malformed-header"; readonly issue: Issue };

const malformed = (header: string, message: string) =>
  err<Malformed>({ type: "malformed-header", issue: { path: `/headers/${header}`, message } });

/**
 * The version that `If-Match` asks for: undefined for none or `*`. A tag is a version here, which a proxy
 * that compresses answers may have marked as weak. A list must name one version.
 */
export function versionOf(header: Header, kind = ""): Result<number | undefined, Malformed> {
  if (header === undefined || header === "*") return ok(undefined);
  const tags = typeof header === "string" ? header.split(",").map((tag) => tag.trim()) : [];
  const versions = new Set(tags.map((tag) => versionIn(tag, kind)));
  const [version] = versions;
  return version === undefined || versions.size > 1
    ? malformed(
        "if-match",
        `must be the entity tag of one version as the server gave it, as in ${entityTag(3, kind)}`,
      )
    : ok(Number(version));
}

function versionIn(tag: string, kind: string): string | undefined {
  const [, said, version] = /^(?:W\/)?"([a-z]*)(\d{1,15})"$/.exec(tag) ?? [];
  return said === kind ? version : undefined;
}

/** Whether the client's version (`If-None-Match`) is current. */
export function isFresh(header: Header, tag: string): boolean {
  if (typeof header !== "string") return false;
  return header
    .split(",")
    .map((known) => known.trim().replace(/^W\//, ""))
    .some((known) => known === tag || known === "*");
}

/**
 * `Idempotency-Key`, bare or quoted, and the fingerprint of what it is to make harmless: under the
 * master key of now, and under older ones.
 */
export function idempotencyKeyOf(
  header: Header,
  fingerprints: () => readonly [string, ...string[]],
): Result<IdempotencyKey | undefined, Malformed> {
  if (header === undefined) return ok(undefined);
  const key = typeof header === "string" ? /^"?([\x21\x23-\x7e]{1,255})"?$/.exec(header)?.[1] : "";
  if (!key) return malformed("idempotency-key", "must be 1 to 255 visible ASCII characters");
  const [fingerprint, ...formerly] = fingerprints();
  return ok({ key, fingerprint, formerly });
}

/** The problem with the version that a request names, or with its naming none. */
export function unmetPrecondition(
  route: Route,
  version: number | undefined,
  correlationId: string,
): Problem | undefined {
  if (version === undefined && requiresMatch(route))
    return problem("precondition-required", {
      status: 428,
      correlationId,
      detail: `If-Match must name what the change is based on by its ETag, for instance ${entityTag(3, route.tagKind)}`,
    });
  return undefined;
}
