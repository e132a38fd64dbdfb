import { andThen, unchanged, type Change } from "#kernel/change.ts";
import { Instant } from "#kernel/instant.ts";
import { Currency, Decimal, Money } from "#kernel/money.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer, type Invalid } from "#kernel/shape.ts";
import type { CatalogEvent } from "../../domain/events.ts";
import { PriceId } from "../../domain/ids.ts";
import { PriceList } from "../../domain/price-list.ts";
import { Prices, type Price } from "../../domain/price.ts";
import { Quantity } from "../../domain/quantity.ts";
import { Sku } from "../../domain/sku.ts";
import {
  amountOf,
  capitals,
  readCells,
  text,
  unlessEmpty,
  wholeNumber,
  type UnknownCells,
} from "./cells.ts";
import { Permissions } from "../permission.ts";
import type { PresentProduct } from "../../domain/product.ts";
import { refused, type Applying, type Decision, type Importer } from "./importer.ts";
import type { CatalogScope } from "../ports/scope.ts";
import type { Cells } from "../ports/imports.ts";

/** A price row. List, minimum quantity and start default to the standard list, one unit and now. */
const PriceRow = shape({
  sku: Sku,
  list: optional(PriceList),
  currency: Currency,
  minimum_quantity: optional(Quantity),
  amount: Decimal,
  valid_from: optional(Instant),
  valid_until: optional(Instant),
});
type PriceRow = Infer<typeof PriceRow>;

const columns = {
  sku: text,
  list: unlessEmpty,
  currency: capitals,
  minimum_quantity: wholeNumber,
  amount: text,
  valid_from: unlessEmpty,
  valid_until: unlessEmpty,
};

type Wanted = Omit<Price, "id" | "validFrom"> & { readonly validFrom: Instant | undefined };

/** One or a thousand: `1.000` in a currency of two digits. */
type AmountAmbiguous = { readonly type: "amount-ambiguous"; readonly amount: string };

function wantedOf(cells: Cells): Result<Wanted, Invalid | UnknownCells | AmountAmbiguous> {
  const currencyOf = Currency.parse(capitals(cells["currency"] ?? ""));
  const digits = currencyOf.ok ? Money.decimals(currencyOf.value) : 2;
  const { amount: written = "" } = cells;
  const spelled = amountOf(written, digits);
  if (spelled === undefined) return err({ type: "amount-ambiguous", amount: text(written) });
  const row = readCells({ ...cells, amount: spelled }, columns, PriceRow);
  if (!row.ok) return row;
  const { sku, list, currency, minimum_quantity, amount, valid_from, valid_until } = row.value;
  const price = Money.parse({ amount, currency });
  if (!price.ok) return price;
  return {
    ok: true,
    value: {
      sku,
      price: price.value,
      list: list ?? PriceList.standard,
      validFrom: valid_from,
      minimumQuantity: minimum_quantity ?? (1 as Quantity),
      ...(valid_until === undefined ? {} : { validUntil: valid_until }),
    },
  };
}

/** Whether it is known already: the same price for the same, at the same time. */
const isKnown = (wanted: Wanted, at: Instant) => (price: Price) =>
  price.list === wanted.list &&
  price.minimumQuantity === wanted.minimumQuantity &&
  price.price.currency === wanted.price.currency &&
  price.price.minor === wanted.price.minor &&
  price.validUntil === wanted.validUntil &&
  (wanted.validFrom === undefined ? price.validFrom <= at : price.validFrom === wanted.validFrom);

/** Whether it is known with another amount: as one that was exported and changed in a spreadsheet. */
const isRevised = (wanted: Wanted) => (price: Price) =>
  price.list === wanted.list &&
  price.minimumQuantity === wanted.minimumQuantity &&
  price.price.currency === wanted.price.currency &&
  price.validFrom === wanted.validFrom &&
  price.validUntil === wanted.validUntil;

type Changed = Change<Prices, CatalogEvent>;
type Step = Result<Changed, { readonly type: string }>;

/** The amount is another one from now on, or from when the price begins. */
function revise(prices: Prices, price: Price, wanted: Wanted, { at, newId }: Applying): Step {
  const ended = Prices.end(prices, price.id, { until: at, now: at });
  if (!ended.ok) return ended;
  const validFrom = price.validFrom > at ? price.validFrom : at;
  const set = Prices.set(ended.value.state, { ...wanted, id: newId(PriceId), validFrom }, at);
  return set.ok ? ok(andThen(ended.value, () => set.value)) : set;
}

function decideOne({ state }: Changed, wanted: Wanted, applying: Applying): Step {
  const { at, newId } = applying;
  if (state.prices.some(isKnown(wanted, at))) return ok(unchanged(state));
  const revised = state.prices.find(isRevised(wanted));
  if (revised) return revise(state, revised, wanted, applying);
  const price = { ...wanted, id: newId(PriceId), validFrom: wanted.validFrom ?? at };
  return Prices.set(state, price, at);
}

async function decide(
  { products, prices }: CatalogScope,
  rows: readonly Cells[],
  applying: Applying,
): Promise<readonly Decision[]> {
  const allowed = await applying.may(Permissions.changePrices);
  if (!allowed.ok) return rows.map(() => refused(allowed.error));
  const wanted = rows.map(wantedOf);
  const readable = wanted.flatMap((row) => (row.ok ? [row.value] : []));
  const [first] = readable;
  if (!first) return wanted.map((row) => refused(row.ok ? noSku : row.error));
  const from = readable.reduce(
    (least, { validFrom }) => (validFrom && validFrom < least ? validFrom : least),
    applying.at,
  );
  const [product, known] = await Promise.all([
    products.bySku(first.sku),
    prices.bySku(first.sku, from),
  ]);
  const isSeen = product && (await isVisible(product, applying));
  let change: Changed = unchanged(known);
  const decisions = wanted.map((row): Decision => {
    if (!row.ok) return refused(row.error);
    if (!isSeen) return refused(noSku);
    const decided = decideOne(change, row.value, applying);
    if (!decided.ok) return refused(decided.error);
    const { events } = decided.value;
    change = andThen(change, () => decided.value);
    return { outcome: events.length > 0 ? "created" : "unchanged" };
  });
  if (change.events.length > 0) prices.save(change);
  return decisions;
}

/** Drafts are hidden from all but their owner and callers with `products:read`. */
const isVisible = async ({ status, ownerId: owner }: PresentProduct, { may }: Applying) =>
  status !== "draft" || (await may(Permissions.readProduct, { owner })).ok;

const noSku = { type: "sku-not-found" } as const;

export const priceImporter: Importer = {
  columns,
  required: ["sku", "currency", "amount"],
  keyOf: ({ sku = "" }) => capitals(sku),
  locks: () => [],
  decide,
};
