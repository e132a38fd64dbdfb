import type { Alone } from "#kernel/alone.ts";
import type { Leases } from "./leases.ts";

/** Under a lease, which ends by itself where its holder dies. */
export function alone(leases: Leases, process: string): Alone {
  let calls = 0;
  return async (name, ms, work) => {
    calls += 1;
    const holder = `${process}/${calls}`;
    const held = await leases.take([name], holder, ms);
    if (!held.has(name)) return undefined;
    try {
      return await work();
    } finally {
      await leases.release(holder);
    }
  };
}
