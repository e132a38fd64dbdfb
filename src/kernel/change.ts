import type { Event } from "./event.ts";
import { Version, type Versioned } from "./version.ts";

/**
 * What a decision leads to: the next state, and the events that say why. Repositories save only
 * changes, so that a state cannot change without being announced. No events: nothing changed.
 */
export type Change<State, E extends Event> = {
  readonly state: State;
  readonly events: readonly E[];
};

/** The state as it is once its change is saved: each event counts one version. */
export const saved = <State extends Versioned>({ state, events }: Change<State, Event>): State => ({
  ...state,
  version: Version.plus(state.version, events.length),
});

export const unchanged = <State>(state: State): Change<State, never> => ({ state, events: [] });

/** Decides further on what a change leads to, and keeps the events of both. */
export function andThen<A, B, E extends Event, F extends Event>(
  change: Change<A, E>,
  decide: (state: A) => Change<B, F>,
): Change<B, E | F> {
  const next = decide(change.state);
  return { state: next.state, events: [...change.events, ...next.events] };
}
