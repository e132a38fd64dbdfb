import type { Leases } from "./leases.ts";

/** Does work that no other process, and no other call, does at the same time; undefined where another one does it. `ms`: how long the work may take. */
export type Alone = <T>(name: string, ms: number, work: () => Promise<T>) => Promise<T | undefined>;

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
