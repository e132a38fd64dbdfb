import { subscriptionContract } from "../events/testing/subscription.contract.ts";
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
  const stateOf = (name: string) => {
    const state = states.get(name) ?? new MemorySubscriptionState();
    states.set(name, state);
    return state;
  };
  return {
    wakeUp,
    unitOfWork: store.units(scope).unitOfWork,
    store: (name) => memorySubscription({ store, state: stateOf(name), scope, clock }),
    sightings: async () => [...tables.sightings.rows.values()],
    parked: async (name) => [...stateOf(name).parked.values()],
    slots: async (name) => stateOf(name).slots(),
    async replay() {
      for (const { parked } of states.values())
        for (const [stream, waiting] of parked)
          if (waiting.state === "dead")
            parked.set(stream, {
              ...waiting,
              ...{ state: "retrying", attempts: 0, retryAt: clock.now(), since: clock.now() },
            });
    },
    async [Symbol.asyncDispose]() {},
  };
});
