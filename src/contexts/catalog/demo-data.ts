import { expect } from "#kernel/result.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import type { DemoData } from "#platform/process/module.ts";
import { seedBatch, SeedCatalog, seedCatalog } from "./application/products/seed-catalog.ts";
import { postgresCatalog } from "./infrastructure/postgres-catalog.ts";

/** Demo products, which are on sale. */
export const demoProducts: DemoData = {
  what: "products",
  doc: "the number of products on sale",
  batch: seedBatch,
  maker(database, { clock, newId }) {
    const onAppended = () => {};
    const scope = postgresCatalog();
    const units = { database, schema: "catalog", scope, onAppended, clock, newId };
    const add = seedCatalog({ ...postgresUnitOfWork(units), clock, newId });
    return async (batch, context) => add(expect(SeedCatalog.parse(batch)), context);
  },
};
