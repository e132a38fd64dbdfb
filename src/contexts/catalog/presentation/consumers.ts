import { identityEvents } from "#identity";
import { consumer, type AnyConsumer } from "#platform/events/consumer.ts";
import type { CatalogScope } from "../application/ports.ts";
import { clearOwner } from "../application/product-lifecycle.ts";

/** What the catalog does about what happens to people. */
export const identityConsumers: readonly AnyConsumer<CatalogScope>[] = [
  consumer({
    name: "catalog.owners",
    events: identityEvents,
    on: {
      "identity.user-deleted": ({ payload }, scope: CatalogScope) =>
        clearOwner(scope, payload.userId),
    },
  }),
];
