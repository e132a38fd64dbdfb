import path from "node:path";
import type { ReadModel } from "#platform/events/rebuild.ts";
import type { SearchModel } from "../application/search/project-search.ts";
import type { RowConsumer } from "#platform/events/consumer.ts";
import { postgresSearchModel } from "./postgres-search-model.ts";
import { searchSchema } from "./postgres-search.ts";

const hash = (text: string) => `coalesce(sum(hashtextextended(${text}, 0)::numeric), 0)::text`;

/** A product without what its stock says, as events and as the catalog's tables have it. */
const products = (schema: string) => `
  select 'products',
    (select ${hash("concat_ws(' ', id, status, details)")} from ${schema}.products
      where id not in (select stream from later)),
    (select ${hash("concat_ws(' ', id, status, details)")} from (
       select id, status, jsonb_build_object('name', name, 'slug', slug, 'description', description,
                'skus', skus, 'categoryIds', category_ids, 'attributes', attributes,
                'images', images) as details
         from catalog.products where id not in (select stream from later)) p)`;

const skus = (schema: string) => `
  select 'skus',
    (select ${hash("product_id || ' ' || sku")} from ${schema}.skus
      where product_id not in (select stream from later)),
    (select ${hash("product_id || ' ' || sku")} from catalog.product_skus
      where product_id not in (select stream from later))`;

const stocks = (schema: string) => `
  select 'stocks',
    (select ${hash("sku || ' ' || available")} from ${schema}.stocks
      where sku not in (select sku from later_skus)),
    (select ${hash("sku || ' ' || available")} from (
       select sku, sum(on_hand - reserved) as available from catalog.stocks
        where sku not in (select sku from later_skus) group by sku) s)`;

const prices = (schema: string) => `
  select 'prices',
    (select ${hash("concat_ws(' ', id, sku, list, currency, minor, valid_from, valid_until)")}
       from ${schema}.prices where sku not in (select sku from later_skus)),
    (select ${hash("concat_ws(' ', id, sku, list, currency, minor, lower(valid), upper(valid))")}
       from catalog.prices
      where minimum_quantity = 1 and sku not in (select sku from later_skus))`;

/** Those that nothing later concerns, neither itself nor a sku. */
const settled = (id: string, table: string) => `${id} not in (select stream from later)
  and not exists (select from ${table} k join later_skus using (sku) where k.product_id = ${id})`;
const inStock = (schema: string) => `
  select 'products in stock',
    (select ${hash("p.id")} from ${schema}.products p
      where status = 'published' and in_stock and ${settled("p.id", `${schema}.skus`)}),
    (select ${hash("p.id")} from catalog.products p
      where status = 'published' and ${settled("p.id", "catalog.product_skus")}
        and exists (select from catalog.product_skus k
                      join catalog.stocks s on s.sku = k.sku and s.on_hand > s.reserved
                     where k.product_id = p.id))`;

/** Checks within the model: the least and the greatest price of each product. */
const bounds = (schema: string) => `
  select 'bounds of prices',
    (select ${hash("concat_ws(' ', id, least_minor, most_minor)")} from ${schema}.products
      where status = 'published' and least_minor is not null),
    (select ${hash("concat_ws(' ', id, least, most)")} from (
       select p.id, min(c.minor) as least, max(c.minor) as most
         from ${schema}.products p join ${schema}.skus k on k.product_id = p.id
         join ${schema}.prices c on c.sku = k.sku
        where p.status = 'published' group by p.id) summarised)`;

/** Checks within the model: the count of each term is the number of products that have it. */
const terms = (schema: string) => `
  select 'terms',
    (select ${hash("term || ' ' || products")} from ${schema}.terms where products <> 0),
    (select ${hash("term || ' ' || products")} from (
       select term, count(*) as products from ${schema}.products,
              unnest(tsvector_to_array(terms)) as term
        where status = 'published' group by term) counted)`;

const checksums = (schema: string) => `
  with later as materialized (
    select distinct stream from catalog.events where position > $1
  ), later_skus as materialized (
    select split_part(stream, '/', 3) as sku from later where stream like 'stock/%'
    union select split_part(stream, '/', 2) from later where stream like 'prices/%'
  )
  select * from (${[products, skus, stocks, prices, inStock, bounds, terms]
    .map((part) => part(schema))
    .join("\nunion all\n")}) as sums(what, model, tables)`;

export const searchMigrations = path.join(import.meta.dirname, "search/migrations");

/** The read model of the search. It is rebuilt from the catalog's events in a schema of its own. */
export const searchReadModel = (projection: RowConsumer<SearchModel>): ReadModel<SearchModel> => ({
  projection,
  log: "catalog",
  schema: searchSchema,
  folder: searchMigrations,
  checksums,
  open: postgresSearchModel,
});
