import { saved, type Change } from "./change.ts";
import type { Event } from "./event.ts";
import type { Version, Versioned } from "./version.ts";

/** The part of a repository that saves. */
export type Saves<Aggregate extends Versioned, E extends Event> = {
  /**
   * Leaves with the unit of work; answers the state with the version that it then has. A change of
   * a stale version, or to what must be unique and was taken meanwhile, makes the unit of work end
   * in `conflict`.
   */
  readonly save: <A extends Aggregate>(change: Change<A, E>) => A;
};

type Append = (stream: string, version: Version, events: readonly Event[]) => void;

/**
 * Makes the `save` of a repository: it keeps the aggregate as it is after its change and appends the
 * events to its stream. A change without events keeps nothing.
 */
export const saving =
  <Aggregate extends Versioned, E extends Event>(
    append: Append,
    streamOf: (aggregate: Aggregate) => string,
    keep: (aggregate: Aggregate, change: Change<Aggregate, E>) => void,
  ): Saves<Aggregate, E>["save"] =>
  (change) => {
    const state = saved(change);
    if (change.events.length === 0) return state;
    keep(state, change);
    append(streamOf(state), change.state.version, change.events);
    return state;
  };

/** For aggregates whose stream has the name of their id. */
export const idOf = ({ id }: { readonly id: string }): string => id;
