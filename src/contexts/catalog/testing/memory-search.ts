import { pageOf, type PageSize } from "#kernel/page.ts";
import { Money } from "#kernel/money.ts";
import { MemoryTable } from "#platform/memory/memory-table.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import type { Criteria, Hit, PriceRange, Search } from "../application/ports/search.ts";
import {
  attributeTerm,
  facetsOf,
  searchWordsOf,
  type ProductChange,
  type SearchModel,
  type UnitPrice,
} from "../application/search/project-search.ts";
import type { Sku } from "../domain/sku.ts";
import { facetsFrom, maxCounted } from "../infrastructure/facets.ts";

/** The tables of the read model in memory. */
export const memorySearchTables = () => ({
  products: new MemoryTable<ProductChange>(),
  stocks: new MemoryTable<number>(),
  prices: new MemoryTable<UnitPrice>(),
});
type Tables = ReturnType<typeof memorySearchTables>;

export const memorySearchModel =
  ({ products, stocks, prices }: Tables) =>
  ({ change }: Pick<MemoryTransaction, "change">): SearchModel => ({
    apply(changes) {
      for (const [id, after] of changes.products)
        change<ProductChange>(products, id, (before) => ({ ...before, ...after }));
      for (const [sku, units] of changes.freed)
        change<number>(stocks, sku, (before = 0) => before + units);
      for (const price of changes.pricesSet) change<UnitPrice>(prices, price.id, () => price);
      for (const [id, validUntil] of changes.pricesEnded)
        change<UnitPrice>(prices, id, (price) => price && { ...price, validUntil });
      for (const id of changes.pricesWithdrawn.keys())
        change<UnitPrice>(prices, id, () => undefined);
    },
  });

const wordsIn = ({ details }: Hit) => searchWordsOf(details);

/** Trigrams as pg_trgm makes them. Source: its documentation. */
const trigrams = (word: string): ReadonlySet<string> => {
  const padded = `  ${word} `;
  return new Set(Array.from({ length: padded.length - 2 }, (_, i) => padded.slice(i, i + 3)));
};
function similarity(a: string, b: string): number {
  const [ours, theirs] = [trigrams(a), trigrams(b)];
  const shared = [...ours].filter((trigram) => theirs.has(trigram)).length;
  return shared / (ours.size + theirs.size - shared);
}

const [minPrefix, maxLonger, maxSimilar, similarEnough] = [3, 5, 3, 0.4];

const latin = /^[a-z]+$/;

/** Words that begin like one; where there are none, those spelled nearly so. */
function near(word: string, counts: ReadonlyMap<string, number>): readonly string[] {
  const mostUsed = (a: string, b: string) =>
    (counts.get(b) ?? 0) - (counts.get(a) ?? 0) || (a < b ? -1 : 1);
  const all = [...counts.keys()];
  const longer = word.length < minPrefix ? [] : all.filter((other) => other.startsWith(word));
  if (longer.length > 0) return longer.toSorted(mostUsed).slice(0, maxLonger);
  if (!latin.test(word)) return [];
  return all
    .filter((other) => latin.test(other) && similarity(other, word) >= similarEnough)
    .toSorted((a, b) => similarity(b, word) - similarity(a, word) || mostUsed(a, b))
    .slice(0, maxSimilar);
}

function unitPrices(
  { prices }: Tables,
  skus: readonly Sku[],
  range: PriceRange,
): readonly bigint[] {
  const { currency, list, at } = range;
  return [...prices.rows.values()].flatMap((price) =>
    skus.includes(price.sku) &&
    price.list === list &&
    price.price.currency === currency &&
    price.validFrom <= at &&
    (price.validUntil === undefined || at < price.validUntil)
      ? [price.price.minor]
      : [],
  );
}

const isWithin = ({ least, most }: PriceRange, prices: readonly bigint[]) =>
  (least === undefined && most === undefined) ||
  prices.some((minor) => minor >= (least ?? minor) && minor <= (most ?? minor));

function onSale(tables: Tables, { price: range }: Criteria): readonly Hit[] {
  return [...tables.products.rows.values()].flatMap(({ id, status, details, publishedAt }) => {
    if (status !== "published" || !details || !publishedAt) return [];
    const inStock = details.skus.some((sku) => (tables.stocks.rows.get(sku) ?? 0) > 0);
    const [least] = range
      ? unitPrices(tables, details.skus, range).toSorted((a, b) => (a < b ? -1 : 1))
      : [];
    const price = range && least !== undefined ? { price: Money.of(least, range.currency) } : {};
    return [{ id, details, publishedAt, inStock, ...price }];
  });
}

export const memorySearch = (tables: Tables): Search => ({
  async find(criteria) {
    const { words, categoryIds, attributes, inStock, price, before, limit, withFacets } = criteria;
    const all = onSale(tables, criteria);
    const counts = new Map<string, number>();
    for (const word of all.flatMap(wordsIn)) counts.set(word, (counts.get(word) ?? 0) + 1);
    const groups = words.map((word) => (counts.has(word) ? [word] : near(word, counts)));
    const matches = all
      .filter((hit) => before === undefined || hit.id < before)
      .filter((hit) => groups.every((some) => some.some((word) => wordsIn(hit).includes(word))))
      .filter(({ details }) => categoryIds?.some((id) => details.categoryIds.includes(id)) ?? true)
      .filter(({ details }) => {
        const terms = facetsOf(details);
        return attributes.every((attribute) => terms.includes(attributeTerm(attribute)));
      })
      .filter((hit) => !inStock || hit.inStock)
      .filter(({ details }) => !price || isWithin(price, unitPrices(tables, details.skus, price)))
      .toSorted((a, b) => (a.id < b.id ? 1 : -1));
    const terms = Map.groupBy(
      matches.slice(0, maxCounted).flatMap(({ details }) => facetsOf(details)),
      (term) => term,
    );
    const facets = facetsFrom({
      counts: [...terms].map(([term, each]) => [term, each.length]),
      products: Math.min(matches.length, maxCounted),
      isComplete: matches.length < maxCounted,
      inStock: matches.slice(0, maxCounted).filter((hit) => hit.inStock).length,
    });
    return {
      ...pageOf(matches, limit as PageSize, ({ id }) => id),
      instead: words.flatMap((word, i) =>
        counts.has(word) ? [] : [{ word, words: groups[i] ?? [] }],
      ),
      ...(withFacets ? { facets } : {}),
    };
  },
});
