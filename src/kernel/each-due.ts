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
 * Does what is due, one after the other, until nothing is. Each has one attempt: one that is refused, fails or is due still is
 * left to the next call. Those that are refused or fail hold up no other, however many there are.
 */
export async function eachDue<T>({ find, keyOf, act, stopping }: Due<T>): Promise<Done> {
  const tried = new Set<string>();
  const failures: unknown[] = [];
  let done = 0;
  for (;;) {
    const left = tried.size - done;
    const due = (await find(batch + left)).filter((one) => !tried.has(keyOf(one)));
    if (due.length === 0) return { done, failures };
    for (const one of due) {
      if (stopping?.aborted === true) return { done, failures };
      tried.add(keyOf(one));
      try {
        if ((await act(one)).ok) done += 1;
      } catch (error) {
        failures.push(error);
      }
    }
  }
}
