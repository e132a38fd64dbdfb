import { pageOf, type PageSize } from "#kernel/page.ts";
import type { Instant } from "#kernel/instant.ts";
import { Money } from "#kernel/money.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import type { Criteria, Found, Hit, Instead, Search } from "../application/ports/search.ts";
import { attributeTerm } from "../application/search/project-search.ts";
import type { Details } from "../domain/details.ts";
import type { ProductId } from "../domain/ids.ts";
import { facetsFrom, maxCounted } from "./facets.ts";

/** The schema of the read model. */
export const searchSchema = "catalog_search";

/** A term that so few products have is looked up in its index: they lie all over the table. */
const maxLookedUp = 2_000;
/** Others are met on the way from the newest product back, of which a search goes so far. */
const maxWalked = 5_000;
const similarEnough = 0.4;

type TermRow = { readonly term: string; readonly products: number };
const counts = statement<TermRow>(
  "catalog.search-counts",
  `select term, products from ${searchSchema}.terms where term = any($1::text[]) and products > 0`,
);

type NearRow = { readonly word: string; readonly term: string; readonly products: number };
/**
 * Words that begin like one, the most used first; where there are none, those spelled nearly so, of
 * Latin letters.
 */
const near = statement<NearRow>(
  "catalog.search-near",
  `select w.word, n.term, n.products from unnest($1::text[]) w(word)
    cross join lateral (
      with longer as materialized (
        select term, products from (
          select term, products from ${searchSchema}.terms
           where length(w.word) > 2 and term > w.word and term < w.word || U&'\\+10FFFF'
             and term !~ '[_=]' and products > 0
           limit 1000) bounded
         order by products desc, term limit 5)
      select term, products from longer
      union all
      (select term, products from ${searchSchema}.terms
        where not exists (select from longer) and w.word ~ '^[a-z]+$'
          and term ~ '^[a-z]+$' and term % w.word and products > 0
          and similarity(term, w.word) >= ${similarEnough}
        order by similarity(term, w.word) desc, products desc, term limit 3)) n`,
);

type Row = {
  readonly kind: "hit" | "facet" | "all";
  /** The id of a hit, or of the last product looked at if the search stopped before the end. */
  readonly id: string | null;
  readonly details: Details | null;
  readonly published_at: Instant | null;
  readonly in_stock: boolean | null;
  /** A text, since it may be more than a number can hold. */
  readonly minor: string | null;
  readonly facet: string | null;
  readonly products: number;
  readonly free: number;
};

const current = `c.currency = $4 and c.list = $7 and c.valid_from <= $8::timestamptz
  and (c.valid_until is null or c.valid_until > $8::timestamptz)`;

/**
 * `looked`: the products to look at; $9: of the page, $10: to be counted. `offset 0` asks for the
 * prices of each, where the planner would first find all products of such prices.
 */
const matching = (what: string, looked: string, end: string) =>
  statement<Row>(
    `catalog.search-${what}`,
    `with matches as materialized (
       select p.id, p.facets, p.in_stock from (${looked}) p
        where (not $3 or p.in_stock) and ($2::tsquery is null or p.terms @@ $2)
          and ($5::bigint is null or p.most_minor >= $5)
          and ($6::bigint is null or p.least_minor <= $6)
          and (($5::bigint is null and $6::bigint is null) or exists (
            select from ${searchSchema}.skus k join ${searchSchema}.prices c on c.sku = k.sku
             where k.product_id = p.id and ${current}
               and c.minor between coalesce($5, 0) and coalesce($6, ${2n ** 63n - 1n}) offset 0))
        order by p.id desc limit greatest($9::int, $10::int))
     select 'hit' as kind, p.id, p.details, p.published_at, p.in_stock,
            (select min(c.minor)::text from ${searchSchema}.skus k
               join ${searchSchema}.prices c on c.sku = k.sku
              where k.product_id = p.id and ${current}) as minor,
            null as facet, 1 as products, 0 as free
       from (select id from matches order by id desc limit $9) page
       join ${searchSchema}.products p using (id)
     union all
     select 'facet', null, null, null, null, null, facet, count(*), 0
       from matches, unnest(facets) facet where $10::int > 0 group by facet
     union all
     select 'all', case when (select count(*) from matches) < greatest($9, $10) then (${end}) end,
            null, null, null, null, null, count(*), count(*) filter (where in_stock)
       from matches`,
  );

const onSale = `from ${searchSchema}.products where status = 'published' and id < $1`;
const columns = "id, facets, in_stock, terms, least_minor, most_minor";
/** From the newest back. */
const walk = matching(
  "walk",
  `select ${columns} ${onSale} order by id desc limit ${maxWalked}`,
  `select id ${onSale} order by id desc offset ${maxWalked - 1} limit 1`,
);
/** Uses the index of terms; `offset 0` keeps the planner from choosing another index. */
const lookUp = matching(
  "look-up",
  `select ${columns} ${onSale} and terms @@ $2::tsquery offset 0`,
  "select null",
);

/** Terms of which a match has at least one. */
type AnyOf = readonly string[];

const quoted = (term: string) => `'${term.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
const queryOf = (groups: readonly AnyOf[]) =>
  groups.map((terms) => `(${terms.map(quoted).join("|")})`).join("&");

type Planned = {
  readonly groups: readonly AnyOf[];
  readonly instead: readonly Instead[];
  /** In how many products the rarest of the groups is; an estimate from above. */
  readonly rarest: number;
};

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/** The terms to search for: those of the query, or similar ones in place of words that no product has. */
async function plan(
  { words, categoryIds, attributes }: Criteria,
  read: Transaction["read"],
): Promise<Planned> {
  const others = [
    ...(categoryIds ? [categoryIds] : []),
    ...attributes.map((a) => [attributeTerm(a)]),
  ];
  const asked = [...words, ...others.flat()];
  const known = asked.length === 0 ? [] : await read(counts, [asked]);
  const products = new Map(known.map((row) => [row.term, row.products]));
  const unknown = words.filter((word) => !products.has(word));
  const found = unknown.length === 0 ? [] : await read(near, [unknown]);
  for (const row of found) products.set(row.term, row.products);
  const nearTo = Map.groupBy(found, ({ word }) => word);
  const termsNear = (word: string) => (nearTo.get(word) ?? []).map(({ term }) => term);
  const groups = [
    ...words.map((word) => (unknown.includes(word) ? termsNear(word) : [word])),
    ...others,
  ];
  const countOf = (terms: AnyOf) => sum(terms.map((term) => products.get(term) ?? 0));
  return {
    groups,
    instead: unknown.map((word) => ({ word, words: termsNear(word) })),
    rarest: Math.min(...groups.map(countOf)),
  };
}

/** After every id. */
const newest = "~";

export const postgresSearch = ({ read }: Pick<Transaction, "read">): Search => ({
  async find(criteria) {
    const { inStock, price, before = newest, limit, withFacets } = criteria;
    const { groups, instead, rarest } = await plan(criteria, read);
    const counted = withFacets ? maxCounted : 0;
    if (rarest === 0) return nothing(instead, withFacets);
    const found = await read(rarest > maxLookedUp ? walk : lookUp, [
      before,
      groups.length === 0 ? null : queryOf(groups),
      inStock,
      price?.currency ?? null,
      price?.least ?? null,
      price?.most ?? null,
      price?.list ?? null,
      price?.at ?? null,
      limit + 1,
      counted,
    ]);
    const all = found.find(({ kind }) => kind === "all");
    const hits = found.filter(({ kind }) => kind === "hit").map((row) => toHit(row, criteria));
    const page = pageOf(hits.toSorted(byId), limit as PageSize, ({ id }) => id);
    const stoppedAt = all?.id as ProductId | null;
    const nextCursor = page.nextCursor ?? stoppedAt ?? undefined;
    return {
      items: page.items,
      instead,
      ...(nextCursor === undefined ? {} : { nextCursor }),
      ...(withFacets ? { facets: facetsOfRows(found, all) } : {}),
    };
  },
});

const nothing = (instead: readonly Instead[], withFacets: boolean): Found => ({
  items: [],
  instead,
  ...(withFacets
    ? { facets: facetsFrom({ counts: [], products: 0, isComplete: true, inStock: 0 }) }
    : {}),
});

const byId = (a: Hit, b: Hit) => (a.id < b.id ? 1 : -1);

function toHit({ id, details, published_at, in_stock, minor }: Row, { price }: Criteria): Hit {
  if (!id || !details || !published_at) throw new Error(`${id} is on sale without its details`);
  return {
    id: id as ProductId,
    details,
    publishedAt: published_at,
    inStock: in_stock === true,
    ...(minor === null || !price ? {} : { price: Money.of(BigInt(minor), price.currency) }),
  };
}

const facetsOfRows = (rows: readonly Row[], all: Row | undefined) =>
  facetsFrom({
    counts: rows.flatMap(({ facet, products }) =>
      facet === null ? [] : [[facet, products] as const],
    ),
    products: all?.products ?? 0,
    isComplete: all !== undefined && all.id === null && all.products < maxCounted,
    inStock: all?.free ?? 0,
  });
