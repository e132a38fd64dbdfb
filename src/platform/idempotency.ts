import type { IdempotencyKey } from "#kernel/context.ts";

/** A client sent an idempotency key again with another request. Its mistake, not a refusal. */
export class IdempotencyKeyReused extends Error {
  override readonly name = "IdempotencyKeyReused";
}

const settled = new WeakSet<IdempotencyKey>();

/** Notes that a unit of work was committed for a request. */
export function settle(key: IdempotencyKey | undefined): void {
  if (key) settled.add(key);
}

/** A second unit of work of one request would be told what came of the first one, and do nothing. */
export function refuseSecond(key: IdempotencyKey | undefined): void {
  if (key && settled.has(key))
    throw new Error("a request has one unit of work under its idempotency key");
}
