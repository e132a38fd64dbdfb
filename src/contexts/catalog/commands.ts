import { InvalidArgumentError, type Command } from "commander";
import { expect } from "#kernel/result.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import { systemClock as clock, systemIds as newId } from "#platform/system.ts";
import type { WithDatabase } from "#platform/process/module.ts";
import { print, progressBar, type Output } from "#platform/console/output.ts";
import { seedBatch, SeedCatalog, seedCatalog } from "./application/products/seed-catalog.ts";
import { postgresCatalog } from "./infrastructure/postgres-catalog.ts";

/** Commands of the catalog. */
export function addCatalogCommands(basalt: Command, withDatabase: WithDatabase): void {
  basalt
    .command("seed")
    .description("Publish demo products; running it again with the same seed adds nothing")
    .requiredOption("--products <n>", "the number of products", whole)
    .option("--seed <n>", "the seed that they are drawn from", whole, 1)
    .option("--json", "print JSON")
    .action(seedCommand(withDatabase));
}

function whole(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError("must be a whole number");
  return Number(text);
}

const withinMs = 60_000;

type Seeding = Output & { readonly products: number; readonly seed: number };

const seedCommand =
  (withDatabase: WithDatabase) =>
  async ({ products, seed, json }: Seeding): Promise<void> => {
    await withDatabase(
      async (database) => {
        const onAppended = () => {};
        const scope = postgresCatalog();
        const units = { database, schema: "catalog", scope, onAppended, clock, newId };
        const add = seedCatalog({ ...postgresUnitOfWork(units), clock, newId });
        const bar = progressBar("products", products);
        let made = 0;
        for (let from = 0; from < products; from += seedBatch) {
          const context = {
            actor: "system",
            correlationId: `seed-${seed}`,
            operation: "catalog.seed",
            deadlineMs: clock.unixMs() + withinMs,
          };
          const input = expect(SeedCatalog.parse({ from, until: products, seed }));
          made += expect(await add(input, context)).made;
          bar.show(Math.min(from + seedBatch, products));
        }
        bar.end();
        const line = ({ made: n }: { readonly made: number }) =>
          `${n} products were put on sale; ${products - n} existed already`;
        print([{ made, known: products - made }], json ? { json } : {}, line, "");
      },
      { makes: true },
    );
  };
