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
