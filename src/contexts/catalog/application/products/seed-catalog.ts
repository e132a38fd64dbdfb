import { andThen } from "#kernel/change.ts";
import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import { expect, ok, type Result } from "#kernel/result.ts";
import { branded, shape, type Brand, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Category } from "../../domain/category.ts";
import { Slug, Title } from "../../domain/details.ts";
import { CategoryId, PriceId, ProductId } from "../../domain/ids.ts";
import { Location } from "../../domain/location.ts";
import { PriceList } from "../../domain/price-list.ts";
import { Prices } from "../../domain/price.ts";
import { Product } from "../../domain/product.ts";
import { Quantity } from "../../domain/quantity.ts";
import { Stock } from "../../domain/stock.ts";
import { demoProduct, shelves, type DemoProduct, type Shelf } from "./demo-products.ts";
import type { CatalogScope } from "../ports/scope.ts";

/** Products of one unit of work. */
export const seedBatch = 20;

type Count = Brand<number, "SeedCount">;
const Count = branded<Count>("number of products", {
  schema: { type: "integer", minimum: 0, maximum: 10_000_000 },
});
const Seed = branded<Brand<number, "Seed">>("seed", {
  schema: { type: "integer", minimum: 0, maximum: 999_999 },
});

/** The products from number `from` on, at most a batch of them. */
export const SeedCatalog = shape({ from: Count, until: Count, seed: Seed });
export type SeedCatalog = Infer<typeof SeedCatalog>;

type Deps = {
  readonly unitOfWork: UnitOfWork<CatalogScope>;
  readonly clock: Clock;
  readonly newId: NewId;
};
type Outcome = Result<{ readonly made: number }, Conflict>;

const nameOf = (shelf: Shelf) => expect(Title.parse(shelf));
const slugOf = (shelf: Shelf) => expect(Slug.parse(`demo-${shelf}`));

/** Puts demo products on sale that are not there yet; answers how many. */
export function seedCatalog({ unitOfWork, clock, newId }: Deps) {
  async function shelvesIn({ categories }: CatalogScope): Promise<(shelf: Shelf) => CategoryId> {
    const known = new Map((await categories.all()).map(({ slug, id }) => [slug, id]));
    const ids = new Map(
      shelves.map((shelf) => {
        const slug = slugOf(shelf);
        const id = known.get(slug) ?? newId(CategoryId);
        if (!known.has(slug))
          categories.save(expect(Category.create({ id, slug, name: nameOf(shelf), above: [] })));
        return [shelf, id] as const;
      }),
    );
    return (shelf) => ids.get(shelf) ?? newId(CategoryId);
  }

  async function add({ products, prices, stocks }: CatalogScope, demo: DemoProduct) {
    const { details, price, bulkPrice, bulkFrom, units } = demo;
    const at = clock.now();
    const id = newId(ProductId);
    const draft = Product.draft({ id, details, at });
    products.save(andThen(draft, (state) => expect(Product.publish(state, at))));
    for (const [sku, quantity] of units) {
      const terms = { sku, list: PriceList.standard, validFrom: at };
      const none = await prices.bySku(sku, at);
      const one = { ...terms, id: newId(PriceId), price, minimumQuantity: 1 as Quantity };
      const bulk = { ...terms, id: newId(PriceId), price: bulkPrice, minimumQuantity: bulkFrom };
      const set = expect(Prices.set(none, one, at));
      prices.save(andThen(set, (state) => expect(Prices.set(state, bulk, at))));
      const stock = await stocks.byKey({ sku, location: Location.main });
      stocks.save(expect(Stock.receive(stock, quantity)));
    }
  }

  return ({ from, until, seed }: SeedCatalog, context: Context): Promise<Outcome> =>
    unitOfWork(
      context,
      async (scope) => {
        const categoryOf = await shelvesIn(scope);
        const numbers = Array.from(
          { length: Math.min(until - from, seedBatch) },
          (_, i) => from + i,
        );
        const all = numbers.map((n) => demoProduct({ n, seed }, categoryOf));
        const taken = await Promise.all(
          all.map(({ details }) => scope.products.taken(details, newId(ProductId))),
        );
        const missing = all.filter((_, i) => taken[i]?.slug === undefined);
        await Promise.all(missing.map((demo) => add(scope, demo)));
        return ok({ made: missing.length });
      },
      { lock: ["catalog.seed"] },
    );
}
