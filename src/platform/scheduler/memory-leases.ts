import type { Timers } from "../runtime.ts";
import type { Leases } from "./leases.ts";

export function memoryLeases(timers: Timers): Leases {
  const kept = new Map<string, { readonly holder: string; readonly untilMs: number }>();
  return {
    async take(names, holder, ms) {
      const now = timers.elapsedMs();
      const held = names.filter((name) => {
        const lease = kept.get(name);
        return !lease || lease.holder === holder || lease.untilMs < now;
      });
      for (const name of held) kept.set(name, { holder, untilMs: now + ms });
      return new Set(held);
    },
    async release(holder) {
      for (const [name, lease] of kept) if (lease.holder === holder) kept.delete(name);
    },
  };
}
