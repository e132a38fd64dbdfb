import { optional, shape } from "#kernel/shape.ts";
import { Location } from "../../domain/location.ts";
import { Adjustment, Units } from "../../domain/quantity.ts";
import { Sku } from "../../domain/sku.ts";
import { Stock } from "../../domain/stock.ts";
import { capitals, readCells, text, unlessEmpty, wholeNumber } from "./cells.ts";
import { stockLock } from "../stock/stock-lock.ts";
import { refused, type Applying, type Decision, type Importer } from "./importer.ts";
import { Permissions } from "../permission.ts";
import type { CatalogScope } from "../ports/scope.ts";
import type { Cells } from "../ports/imports.ts";

/** How many units were counted at a location, the main one unless said. */
const StockRow = shape({ sku: Sku, location: optional(Location), on_hand: Units });

const columns = { sku: text, location: unlessEmpty, on_hand: wholeNumber };

const reason = "counted by import";

async function decideOne(
  { products, stocks }: CatalogScope,
  cells: Cells,
  { may }: Applying,
): Promise<Decision> {
  const row = readCells(cells, columns, StockRow);
  if (!row.ok) return refused(row.error);
  const allowed = await may(Permissions.adjustStock);
  if (!allowed.ok) return refused(allowed.error);
  const { sku, location = Location.main, on_hand: counted } = row.value;
  const [product, stock] = await Promise.all([
    products.bySku(sku),
    stocks.byKey({ sku, location }),
  ]);
  const by = Adjustment.parse(counted - stock.onHand);
  if (!product) return refused({ type: "sku-not-found" });
  if (!by.ok) return { outcome: "unchanged" };
  const adjusted = Stock.adjust(stock, { by: by.value, reason });
  if (!adjusted.ok) return refused(adjusted.error);
  stocks.save(adjusted.value);
  return { outcome: stock.version === 0 ? "created" : "changed" };
}

const keyOf = ({ sku = "", location = "" }: Cells) =>
  JSON.stringify([capitals(sku), text(location) || Location.main]);

export const stockImporter: Importer = {
  columns,
  required: ["sku", "on_hand"],
  keyOf,
  locks(key) {
    const [sku, location] = JSON.parse(key) as readonly [Sku, Location];
    return stockLock({ sku, location }).lock;
  },
  // Only the first: another count of the same stock sees what this one has saved.
  decide: (scope, [first], applying) =>
    Promise.all(first ? [decideOne(scope, first, applying)] : []),
};
