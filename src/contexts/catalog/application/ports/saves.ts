import type { Change } from "#kernel/change.ts";
import type { CatalogEvent } from "../../domain/events.ts";

export type Saves<Aggregate> = {
  /**
   * Leaves with the unit of work; answers the state with the version that it then has. A change of
   * a stale version, or to what must be unique and was taken meanwhile, makes the unit of work end
   * in `conflict`.
   */
  readonly save: <A extends Aggregate>(change: Change<A, CatalogEvent>) => A;
};
