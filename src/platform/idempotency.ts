/** A client sent an idempotency key again with another request. Its mistake, not a refusal. */
export class IdempotencyKeyReused extends Error {
  override readonly name = "IdempotencyKeyReused";
}
