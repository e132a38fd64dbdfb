import { identityEvents } from "#contexts/identity";
import { consumer, projection } from "#platform/events/consumer.ts";
import type { CatalogScope } from "../application/ports/scope.ts";
import { searchChanges, type SearchModel } from "../application/search/project-search.ts";
import { clearOwner } from "../application/products/product-lifecycle.ts";
import { catalogEvents } from "../domain/events.ts";

/** The catalog's reactions to events of users. */
export const identityConsumers = [
  consumer({
    name: "catalog.owners",
    events: identityEvents,
    on: {
      "identity.user-deleted": ({ payload }, scope: CatalogScope) =>
        clearOwner(scope, payload.userId),
    },
  }),
];

/** The read model of the search, projected from the catalog's events. */
export const searchProjection = projection({
  name: "catalog.search",
  events: catalogEvents,
  project: (events, model: SearchModel) => model.apply(searchChanges(events)),
});
