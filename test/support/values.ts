import { createCipheriv } from "node:crypto";
import assert from "node:assert/strict";
import { createIds } from "#kernel/id.ts";
import { Instant } from "#kernel/instant.ts";
import { expect } from "#kernel/result.ts";
import type { Value } from "#kernel/shape.ts";

/** The instant at which the stories of domain tests begin. */
export const start = expect(Instant.parse("2026-01-01T00:00:00Z"));
export const afterMs = (ms: number): Instant => Instant.plus(start, ms);
export const afterMinutes = (minutes: number): Instant => afterMs(minutes * 60_000);

let made = 0;
/** Another id each time, the same ones in every run of one file. */
export const newId = createIds({
  clock: { now: () => start, unixMs: () => Instant.toUnixMs(start) },
  random: (size) => new Uint8Array(size).fill((made += 1)),
});

/** Each input is parsed as is said beside it, or refused. */
export function parses<T>(
  value: Value<T>,
  spelled: Readonly<Record<string, string | undefined>>,
): void {
  for (const [input, wanted] of Object.entries(spelled)) {
    const parsed = value.parse(input);
    assert.equal(parsed.ok ? parsed.value : undefined, wanted, JSON.stringify(input));
  }
}

/** Bytes that look random and are the same each time: where chunks are cut does not depend on luck. */
export const steadyBytes = (size: number): Buffer =>
  createCipheriv("aes-256-ctr", Buffer.alloc(32, 1), Buffer.alloc(16)).update(Buffer.alloc(size));
