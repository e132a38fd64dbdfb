import { expect } from "#kernel/result.ts";
import { catalogEvents, type CatalogEvent } from "../domain/events.ts";

/** The types of events, each read again from what is stored of it. */
export const types = (events: readonly CatalogEvent[]) =>
  events.map(({ type, schemaVersion, payload }) => {
    const stored = JSON.parse(JSON.stringify(payload)) as unknown;
    return expect(catalogEvents.decode({ type, schemaVersion, payload: stored })).type;
  });
