import { MemoryStore, type Seams } from "#platform/memory/memory-store.ts";
import {
  memorySubscription,
  MemorySubscriptionState,
} from "#platform/memory/memory-subscription.ts";
import {
  systemClock as clock,
  systemIds as newId,
  systemTimers as timers,
} from "#platform/system.ts";
import type { UnitOfWorkSubject } from "#platform/unit-of-work.contract.ts";
import { memoryNotes, memoryNoteTables } from "#test/notes.ts";
import { WakeUp } from "../wake-up.ts";
import type { SubscriptionSubject } from "./subject.ts";

/** The subject of the contracts, in memory. */
export function memorySubject(seams: Partial<Seams> = {}): SubscriptionSubject & UnitOfWorkSubject {
  const wakeUp = new WakeUp(timers);
  let announcements = 0;
  const onAppended = () => {
    announcements += 1;
    wakeUp.call();
  };
  const store = new MemoryStore({ clock, newId, timers }, seams);
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
    ...store.units(scope, onAppended),
    audit: store.audit,
    events: async () => store.events,
    announcements: () => announcements,
    store: (name) => memorySubscription({ store, state: stateOf(name), scope, clock, onAppended }),
    sightings: async () => [...tables.sightings.rows.values()],
    parked: async (name) => [...stateOf(name).parked.values()],
    slots: async (name) => stateOf(name).slots(),
    async replay(stream) {
      for (const state of states.values()) state.replay(clock.now(), stream);
    },
    async [Symbol.asyncDispose]() {},
  };
}
