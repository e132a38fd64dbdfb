import { err, ok, type Result } from "#kernel/result.ts";
import type { ProviderFailure, Raw } from "../../application/ports/providers.ts";

/** Fields of one row at most; more of them say nothing that Basalt reads. */
const maxFields = 200;
const maxDepth = 6;

/** JSON whose numbers are texts, digit for digit: an id above 2^53 and a sum of 14 decimals stay what they are. */
export function readJson(text: string): Result<unknown, ProviderFailure> {
  const exact = (_key: string, value: unknown, { source }: { readonly source?: string }) =>
    typeof value === "number" ? source : value;
  try {
    return ok(JSON.parse(text, exact as (key: string, value: unknown) => unknown) as unknown);
  } catch {
    return err({ type: "provider-failure", reason: "unreadable" });
  }
}

/** Characters of one field at most. */
const maxText = 10_000;

/** Text as Postgres can keep it: without NUL and halves of characters. */
const kept = (text: string): string => text.slice(0, maxText).replaceAll("\0", "").toWellFormed();

/** The texts of a record, however deep, of it before those inside of it: `{"a":{"b":1}}` is `{"a.b":"1"}`. */
export function rawOf(record: unknown): Raw {
  const found: [string, string][] = [];
  const isRecord = ([, value]: readonly [string, unknown]) => typeof value === "object";
  /** What a record says itself comes before what is inside of it, so that a wide one keeps its id. */
  function walk(value: unknown, path: readonly string[]): void {
    if (value === null || value === undefined || found.length >= maxFields) return;
    if (typeof value !== "object")
      found.push([
        kept(path.join(".")),
        kept(typeof value === "string" ? value : JSON.stringify(value)),
      ]);
    else if (path.length < maxDepth)
      for (const [key, inner] of Object.entries(value).toSorted(
        (a, b) => Number(isRecord(a)) - Number(isRecord(b)),
      ))
        walk(inner, [...path, key]);
  }
  walk(record, []);
  return Object.fromEntries(found);
}

/** What is inside of a record, by the names on the way; undefined where there is nothing. */
export const inside = (record: unknown, ...names: readonly string[]): unknown =>
  names.reduce<unknown>(
    (value, name) =>
      typeof value === "object" && value !== null
        ? (value as Readonly<Record<string, unknown>>)[name]
        : undefined,
    record,
  );
