/** Success of an operation that may be refused. */
export type Ok<T> = { readonly ok: true; readonly value: T };

/** An expected refusal. `error.type` names it in kebab-case. */
export type Err<E> = { readonly ok: false; readonly error: E };

export type Result<T, E> = Ok<T> | Err<E>;

export const ok = <const T>(value: T): Ok<T> => ({ ok: true, value });

export const err = <const E>(error: E): Err<E> => ({ ok: false, error });

/** Turns an `err` into a thrown bug: for values that the program itself guarantees. */
export function expect<T>(result: Result<T, unknown>): T {
  if (result.ok) return result.value;
  throw new Error("expected ok", { cause: result.error });
}
