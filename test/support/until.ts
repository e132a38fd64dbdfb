import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** Longer than anything takes on a busy machine, shorter than a test may. */
const patienceMs = 60_000;

/** Returns once something holds; what cannot be asked yet does not hold. `what` is named if it never does. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what = holds.toString(),
): Promise<void> {
  let failure: unknown;
  const ask = async () => holds();
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await sleep(10)) {
    const held = await ask().catch((error: unknown) => {
      failure = error;
      return false;
    });
    if (held) return;
  }
  const reason = failure instanceof Error ? ` (${failure.message})` : "";
  assert.fail(`it did not come about: ${what}${reason}`);
}

/** Returns once something holds for all of a list, and the list has `count` elements, or any if it is not said. */
export async function untilAll<T>(
  list: () => readonly T[] | Promise<readonly T[]>,
  holds: (element: T) => boolean,
  count?: number,
): Promise<void> {
  await until(async () => {
    const elements = await list();
    const complete = count === undefined ? elements.length > 0 : elements.length === count;
    return complete && elements.every(holds);
  }, `${holds.toString()} of all of ${list.toString()}`);
}
