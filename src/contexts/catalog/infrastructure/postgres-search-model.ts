import { inTurn, mutation } from "#platform/postgres/writes.ts";
import { productStatuses } from "../domain/product.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import {
  facetsOf,
  searchWordsOf,
  type ProductChange,
  type SearchModel,
  type UnitPrice,
} from "../application/search/project-search.ts";

const nameIn = (schema: string) => (what: string) => `${schema}.${what}`;

/** Stock and prices of a product. `offset 0` makes the planner evaluate them per product. */
const summary = (schema: string, id: string) =>
  `select coalesce(bool_or(s.available > 0), false) as in_stock,
          min(p.minor) as least, max(p.minor) as most
     from ${schema}.skus k
     left join ${schema}.stocks s on s.sku = k.sku
     left join ${schema}.prices p on p.sku = k.sku
    where k.product_id = ${id} offset 0`;

/** Changes of published products. Each statement is sent once per batch. */
function productMutations(schema: string) {
  const name = nameIn(schema);
  return {
    products: mutation(
      name("products-change"),
      inTurn,
      `with changes as materialized (
         select * from jsonb_to_recordset($1::jsonb) as c(id text, status text, details jsonb,
           published_at timestamptz, words text[], facets text[])
       ), before as materialized (
         select p.* from ${schema}.products p join changes using (id)
       ), after as materialized (
         select c.id, coalesce(c.status, b.status) as status,
                coalesce(c.details, b.details) as details,
                coalesce(c.published_at, b.published_at) as published_at,
                case when c.facets is null then b.terms
                     else array_to_tsvector(c.words || c.facets) end as terms,
                coalesce(c.facets, b.facets) as facets, s.*
           from changes c left join before b using (id)
          cross join lateral (${summary(schema, "c.id")}) s
       ), moved as (
         select unnest(tsvector_to_array(terms)) as term, -1 as by
           from before where status = 'published'
         union all
         select unnest(tsvector_to_array(terms)), 1 from after where status = 'published'
       ), counted as (
         insert into ${schema}.terms (term, products)
         select term, sum(by) from moved group by term having sum(by) <> 0
         on conflict (term) do update set products = terms.products + excluded.products
       )
       insert into ${schema}.products (id, status, details, published_at, terms, facets,
         in_stock, least_minor, most_minor)
       select id, status, details, published_at, terms, facets, in_stock, least, most from after
       on conflict (id) do update set status = excluded.status, details = excluded.details,
         published_at = excluded.published_at, terms = excluded.terms, facets = excluded.facets,
         in_stock = excluded.in_stock, least_minor = excluded.least_minor,
         most_minor = excluded.most_minor`,
    ),
    leaveSkus: mutation(
      name("skus-leave"),
      inTurn,
      `delete from ${schema}.skus k
        using jsonb_to_recordset($1::jsonb) as c(id text, skus text[])
        where k.product_id = c.id and c.skus is not null and k.sku <> all(c.skus)`,
    ),
    enterSkus: mutation(
      name("skus-enter"),
      inTurn,
      `insert into ${schema}.skus (product_id, sku)
       select c.id, sku from jsonb_to_recordset($1::jsonb) as c(id text, skus text[]),
              unnest(c.skus) as sku
       on conflict do nothing`,
    ),
  };
}

/** Stock and prices of a product. */
function offerMutations(schema: string) {
  const name = nameIn(schema);
  return {
    free: mutation(
      name("stocks-free"),
      inTurn,
      `insert into ${schema}.stocks (sku, available)
       select sku, units from jsonb_to_recordset($1::jsonb) as c(sku text, units bigint)
       on conflict (sku) do update set available = stocks.available + excluded.available`,
    ),
    /** Updates the products of the skus $1, except those that have just been written ($2). */
    summarise: mutation(
      name("products-summarise"),
      inTurn,
      `update ${schema}.products p
          set in_stock = s.in_stock, least_minor = s.least, most_minor = s.most
         from (select distinct product_id from ${schema}.skus
                where sku = any($1::text[]) and product_id <> all($2::text[])) concerned
        cross join lateral (${summary(schema, "concerned.product_id")}) s
        where p.id = concerned.product_id
          and (p.in_stock, p.least_minor, p.most_minor)
              is distinct from (s.in_stock, s.least, s.most)`,
    ),
    setPrices: mutation(
      name("prices-set"),
      inTurn,
      `insert into ${schema}.prices (id, sku, list, currency, minor, valid_from, valid_until)
       select * from jsonb_to_recordset($1::jsonb) as c(id text, sku text, list text,
         currency text, minor bigint, valid_from timestamptz, valid_until timestamptz)`,
    ),
    endPrices: mutation(
      name("prices-end"),
      inTurn,
      `update ${schema}.prices p set valid_until = c.valid_until
         from jsonb_to_recordset($1::jsonb) as c(id text, valid_until timestamptz)
        where p.id = c.id`,
    ),
    withdrawPrices: mutation(
      name("prices-withdraw"),
      inTurn,
      `delete from ${schema}.prices where id = any($1::text[])`,
    ),
  };
}

const productRow = ({ id, status, publishedAt, details }: ProductChange) => ({
  id,
  status,
  published_at: publishedAt,
  details,
  ...(details ? { words: searchWordsOf(details), facets: facetsOf(details) } : {}),
});

/** Which skus it has from now on; missing where they stay as they are. */
const skusRow = ({ id, status, details }: ProductChange) =>
  status !== undefined && !productStatuses[status].holdsNames
    ? { id, skus: [] }
    : { id, skus: details?.skus };

const priceRow = ({ id, sku, list, price, validFrom, validUntil }: UnitPrice) => ({
  id,
  sku,
  list,
  currency: price.currency,
  minor: price.minor.toString(),
  valid_from: validFrom,
  valid_until: validUntil,
});

/** The read model of searches, in the schema where it stands or is being rebuilt. */
export function postgresSearchModel(schema: string) {
  const sql = { ...productMutations(schema), ...offerMutations(schema) };
  return ({ write }: Pick<Transaction, "write">): SearchModel => ({
    apply({ products, freed, pricesSet, pricesEnded, pricesWithdrawn }) {
      const changed = [...products.values()];
      const skus = changed.map(skusRow).filter((row) => row.skus !== undefined);
      if (skus.length > 0) {
        write(sql.leaveSkus, [JSON.stringify(skus)]);
        write(sql.enterSkus, [JSON.stringify(skus)]);
      }
      const units = [...freed].map(([sku, more]) => ({ sku, units: more }));
      if (units.length > 0) write(sql.free, [JSON.stringify(units)]);
      if (pricesSet.length > 0) write(sql.setPrices, [JSON.stringify(pricesSet.map(priceRow))]);
      const ended = [...pricesEnded].map(([id, until]) => ({ id, valid_until: until }));
      if (ended.length > 0) write(sql.endPrices, [JSON.stringify(ended)]);
      if (pricesWithdrawn.size > 0) write(sql.withdrawPrices, [[...pricesWithdrawn.keys()]]);

      if (changed.length > 0) write(sql.products, [JSON.stringify(changed.map(productRow))]);
      const concerned = new Set([
        ...freed.keys(),
        ...pricesSet.map(({ sku }) => sku),
        ...pricesWithdrawn.values(),
      ]);
      if (concerned.size > 0) write(sql.summarise, [[...concerned], changed.map(({ id }) => id)]);
    },
  });
}
