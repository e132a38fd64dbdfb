import type { Result } from "./result.ts";

/** Those that are looked for at once. */
const batch = 100;

/** Work of a background job, which ends after its next step when the process stops. */
export type Slice = { readonly stopping?: { readonly aborted: boolean } | undefined };

type Due<T> = Slice & {
  /** Finds so many of those that are due, in an order that stays. */
  readonly find: (limit: number) => Promise<readonly T[]>;
  readonly keyOf: (one: T) => string;
  /** Does what is due for one of them. */
  readonly act: (one: T) => Promise<Result<unknown, unknown>>;
};

/** `done`: how many were done. `failures`: the errors of those that threw. */
export type Done = { readonly done: number; readonly failures: readonly unknown[] };

/**
 * Does what is due, one after the other, until nothing is. Each has one attempt: one that is refused or fails is left to the
 * next call, and holds up no other, however many there are.
 */
export async function eachDue<T>({ find, keyOf, act, stopping }: Due<T>): Promise<Done> {
  const left = new Set<string>();
  const failures: unknown[] = [];
  let done = 0;
  for (;;) {
    const due = (await find(batch + left.size)).filter((one) => !left.has(keyOf(one)));
    if (due.length === 0) return { done, failures };
    for (const one of due) {
      if (stopping?.aborted === true) return { done, failures };
      left.add(keyOf(one));
      try {
        if (!(await act(one)).ok) continue;
        done += 1;
        left.delete(keyOf(one));
      } catch (error) {
        failures.push(error);
      }
    }
  }
}
