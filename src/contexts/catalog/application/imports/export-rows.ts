import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { Money } from "#kernel/money.ts";
import { ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { ImportKind } from "../../domain/import-kind.ts";
import type { Price } from "../../domain/price.ts";
import { productStatuses, type PresentProduct } from "../../domain/product.ts";
import { joinCell } from "./cells.ts";
import { importers } from "./importers.ts";
import type { CatalogScope } from "../ports/scope.ts";
import type { Cells } from "../ports/imports.ts";
import type { Level } from "../ports/stock.ts";
import { stepMs } from "./receive-import.ts";

export const ExportRows = shape({ kind: ImportKind });
export type ExportRows = Infer<typeof ExportRows>;

/** The file as an import of the same kind takes it: column names first, then rows in batches. */
export type Export = {
  readonly kind: ImportKind;
  readonly columns: readonly string[];
  readonly rows: AsyncIterable<readonly Cells[]>;
};

/** Rows that are read at once, unless said. */
const defaultBatch = 500;

type Deps = {
  readonly read: Read<CatalogScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  /** Rows that are read at once. */
  readonly exportBatch?: number;
};
/** One more question; each has time of its own. */
type Ask = <T>(query: (scope: CatalogScope) => Promise<T>) => Promise<T>;
type Asking = {
  readonly ask: Ask;
  readonly batch: number;
  readonly clock: Clock;
  /** Drafts are for their owners and for callers with `products:read`. */
  readonly showsDrafts: boolean;
};

async function* inBatches<Item>(
  next: (after: Item | undefined) => Promise<readonly Item[]>,
  keyOf: (item: Item) => string,
): AsyncGenerator<readonly Item[]> {
  let after: Item | undefined;
  for (;;) {
    const items = await next(after);
    const last = items.at(-1);
    if (last === undefined) return;
    if (after && keyOf(last) === keyOf(after)) throw new Error("a page does not move on");
    yield items;
    after = last;
  }
}

const statuses = Object.keys(productStatuses).filter(
  (status): status is PresentProduct["status"] => status !== "deleted",
);

/** Those that an import finds by their slug: an archived product may have lost it to another. */
const named =
  (page: readonly PresentProduct[]) =>
  async ({ products }: CatalogScope): Promise<readonly PresentProduct[]> => {
    const isNamed = await Promise.all(
      page.map(async ({ id, status, details }) =>
        productStatuses[status].holdsNames
          ? true
          : (await products.bySlug(details.slug))?.id === id,
      ),
    );
    return page.filter((_, i) => isNamed[i]);
  };

async function* productRows({ ask, batch, showsDrafts }: Asking): AsyncGenerator<readonly Cells[]> {
  const categories = await ask((scope) => scope.categories.all());
  const slugs = new Map(categories.map(({ id, slug }) => [id, slug]));
  const cellsOf = ({ details, status }: PresentProduct): Cells => ({
    slug: details.slug,
    name: details.name,
    description: details.description,
    skus: joinCell(details.skus),
    categories: joinCell(details.categoryIds.map((id) => slugs.get(id) ?? id)),
    attributes: joinCell(details.attributes.map(({ name, value }) => `${name}=${value}`)),
    images: joinCell(details.images),
    status,
  });
  for (const status of statuses.filter((one) => showsDrafts || productStatuses[one].isShown)) {
    const pages = inBatches(
      (after: PresentProduct | undefined) =>
        ask((scope) => scope.products.page({ status, after: after?.id, limit: batch })),
      ({ id }) => id,
    );
    for await (const page of pages) yield (await ask(named(page))).map(cellsOf);
  }
}

async function* priceRows({ ask, batch, clock }: Asking): AsyncGenerator<readonly Cells[]> {
  const from = clock.now();
  const pages = inBatches(
    (after: Price | undefined) => ask((scope) => scope.prices.page({ from, after, limit: batch })),
    ({ id }) => id,
  );
  const cellsOf = ({ sku, list, price, minimumQuantity, validFrom, validUntil }: Price): Cells => ({
    sku,
    list,
    currency: price.currency,
    minimum_quantity: String(minimumQuantity),
    amount: Money.spell(price).amount,
    valid_from: validFrom,
    valid_until: validUntil ?? "",
  });
  for await (const page of pages) yield page.map(cellsOf);
}

async function* stockRows({ ask, batch }: Asking): AsyncGenerator<readonly Cells[]> {
  const pages = inBatches(
    (after: Level | undefined) => ask((scope) => scope.levels.page(after, batch)),
    ({ sku, location }) => `${sku} ${location}`,
  );
  for await (const page of pages)
    yield page.map(({ sku, location, onHand }) => ({ sku, location, on_hand: String(onHand) }));
}

/** All there is of a kind, as an import would take it: prices from now on, stock as counted. */
export function exportRows({ read, mayAct, clock, exportBatch: batch = defaultBatch }: Deps) {
  return async ({ kind }: ExportRows, context: Context): Promise<Result<Export, Forbidden>> => {
    const allowed = await mayAct(context, Permissions.readExport);
    if (!allowed.ok) return allowed;
    const ask: Ask = (query) => read({ ...context, deadlineMs: clock.unixMs() + stepMs }, query);
    const rows = { products: productRows, prices: priceRows, stock: stockRows };
    const { ok: showsDrafts } = await mayAct(context, Permissions.readProduct);
    const asking = { ask, batch, clock, showsDrafts };
    return ok({ kind, columns: Object.keys(importers[kind].columns), rows: rows[kind](asking) });
  };
}
