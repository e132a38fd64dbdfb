import type { Instant } from "#kernel/instant.ts";
import type { Runtime } from "#platform/runtime.ts";

/** Keeps for keys, by id, when they were last used. */
export type KeepUses = (uses: readonly (readonly [string, Instant])[]) => Promise<void>;

const everyMs = 5_000;

/** Notes when keys were last used, a batch at a time: never once per request. */
export function apiKeyUses(
  keep: KeepUses,
  { clock, timers }: Pick<Runtime, "clock" | "timers">,
): AsyncDisposable & { readonly note: (keyId: string) => void } {
  const used = new Map<string, Instant>();
  const flush = async () => {
    if (used.size === 0) return;
    const batch = [...used];
    used.clear();
    await keep(batch);
  };
  const cancel = timers.every(everyMs, () => void flush().catch(() => {})); // a late date is no loss
  return {
    note: (keyId) => used.set(keyId, clock.now()),
    async [Symbol.asyncDispose]() {
      cancel();
      await flush().catch(() => {});
    },
  };
}
