import { subscriptionContract } from "../events/subscription.contract.ts";
import { WakeUp } from "../events/wake-up.ts";
import { systemClock as clock, systemIds as newId } from "../system.ts";
import { memoryNotes, memoryNoteTables } from "../../../test/support/notes.ts";
import { MemoryStore } from "./memory-store.ts";
import { memorySubscription, MemorySubscriptionState } from "./memory-subscription.ts";

subscriptionContract("memory", async () => {
  const wakeUp = new WakeUp();
  const store = new MemoryStore({ clock, newId }, () => wakeUp.call());
  const tables = memoryNoteTables();
  const scope = memoryNotes(tables);
  const states = new Map<string, MemorySubscriptionState>();
  const stateOf = (name: string, partitions: number) => {
    const state = states.get(name) ?? new MemorySubscriptionState(partitions);
    states.set(name, state);
    return state;
  };
  return {
    wakeUp,
    unitOfWork: store.units(scope).unitOfWork,
    store: async (name, partitions) =>
      memorySubscription({ store, state: stateOf(name, partitions), scope, clock }),
    sightings: async () => [...tables.sightings.rows.values()],
    async replay() {
      for (const { parked } of states.values())
        for (const [stream, waiting] of parked)
          parked.set(stream, { ...waiting, attempts: 0, retryAt: clock.now() });
    },
    async [Symbol.asyncDispose]() {},
  };
});
