import { saving, idOf } from "#kernel/repository.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Version } from "#kernel/version.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import type { Products } from "../application/ports/products.ts";
import type { Attribute, Description, Details, ImageUrl, Slug, Title } from "../domain/details.ts";
import type { CatalogEvent } from "../domain/events.ts";
import type { CategoryId, OwnerId, ProductId } from "../domain/ids.ts";
import {
  Product,
  productStatuses,
  type PresentProduct,
  type Product as AnyProduct,
} from "../domain/product.ts";
import type { Sku } from "../domain/sku.ts";

type ProductRow = {
  readonly id: string;
  readonly owner_id: string | null;
  readonly status: AnyProduct["status"];
  readonly name: string;
  readonly slug: string;
  readonly description: string;
  readonly skus: readonly string[];
  readonly category_ids: readonly string[];
  readonly attributes: readonly Attribute[];
  readonly images: readonly string[];
  readonly created_at: Instant;
  readonly published_at: Instant | null;
  readonly archived_at: Instant | null;
  readonly version: number;
};

type Status = AnyProduct["status"];
/** The statuses of a rule, as in `('draft', 'published')`. */
const where = (rule: "isShown" | "holdsNames") =>
  `(${(Object.keys(productStatuses) as Status[])
    .filter((status) => productStatuses[status][rule])
    .map((status) => `'${status}'`)
    .join(", ")})`;

const columns =
  "id, owner_id, status, name, slug, description, skus, category_ids, attributes, images, " +
  "created_at, published_at, archived_at, version";

const byId = statement<ProductRow>(
  "catalog.product-by-id",
  `select ${columns} from catalog.products where id = $1`,
);
const bySku = statement<ProductRow>(
  "catalog.product-by-sku",
  `select ${columns} from catalog.products
    where id = (select product_id from catalog.product_skus where sku = $1)`,
);
const bySlug = statement<ProductRow>(
  "catalog.product-by-slug",
  `select ${columns} from catalog.products
    where slug = $1 and (status in ${where("holdsNames")} or status = 'archived')
    order by status in ${where("holdsNames")} desc, id desc limit 1`,
);
const taken = statement<{ readonly slug: string | null; readonly skus: readonly string[] }>(
  "catalog.product-taken",
  `select (select slug from catalog.products
            where slug = $1 and status in ${where("holdsNames")} and id <> $3) as slug,
          array(select sku from catalog.product_skus
                 where sku = any($2::text[]) and product_id <> $3 order by sku) as skus`,
);
const shown = statement<{ readonly sku: string }>(
  "catalog.skus-shown",
  `select k.sku from catalog.product_skus k join catalog.products p on p.id = k.product_id
    where k.sku = any($1::text[]) and p.status in ${where("isShown")}`,
);
/** One statement for each way to ask: an index that leads to the first row of a page. */
const pages = {
  all: statement<ProductRow>(
    "catalog.product-page",
    `select ${columns} from catalog.products where status = $1 and id > $2 order by id limit $3`,
  ),
  ofOwner: statement<ProductRow>(
    "catalog.product-page-of-owner",
    `select ${columns} from catalog.products
      where status = $1 and id > $2 and owner_id = $4 order by id limit $3`,
  ),
  /** The first of each category, of which the first are the page. */
  inCategories: statement<ProductRow>(
    "catalog.product-page-in-categories",
    `select p.* from (
       select distinct product_id from unnest($4::text[]) as within (category)
        cross join lateral (
          select product_id from catalog.product_categories
           where category_id = category and status = $1 and product_id > $2
           order by product_id limit $3) firsts
        order by product_id limit $3) found
       cross join lateral (select ${columns} from catalog.products where id = product_id) p
      order by p.id`,
  ),
  ofOwnerInCategories: statement<ProductRow>(
    "catalog.product-page-of-owner-in-categories",
    `select ${columns} from catalog.products
      where status = $1 and id > $2 and owner_id = $4 and category_ids && $5::text[]
      order by id limit $3`,
  ),
};
const allOf = statement<ProductRow>(
  "catalog.products-of-owner",
  `select ${columns} from catalog.products where owner_id = $1 order by id`,
);
const upsert = mutation(
  "catalog.product-upsert",
  "products",
  `insert into catalog.products (${columns})
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
   on conflict (id) do update set owner_id = excluded.owner_id, status = excluded.status,
     name = excluded.name, slug = excluded.slug, description = excluded.description,
     skus = excluded.skus, category_ids = excluded.category_ids,
     attributes = excluded.attributes, images = excluded.images,
     published_at = excluded.published_at, archived_at = excluded.archived_at,
     version = excluded.version`,
);
const removeSkus = mutation(
  "catalog.product-skus-remove",
  "product_skus",
  "delete from catalog.product_skus where product_id = $1 and sku <> all($2::text[])",
);
/** Another product's sku breaks the key: the unit of work ends in a conflict. */
const addSkus = mutation(
  "catalog.product-skus-add",
  "product_skus",
  `insert into catalog.product_skus (product_id, sku)
   select $1, sku from unnest($2::text[]) as wanted(sku)
    where not exists (select from catalog.product_skus known
                       where known.sku = wanted.sku and known.product_id = $1)`,
);

const leaveCategories = mutation(
  "catalog.product-categories-leave",
  "product_categories",
  "delete from catalog.product_categories where product_id = $1",
);
const enterCategories = mutation(
  "catalog.product-categories-enter",
  "product_categories",
  `insert into catalog.product_categories (product_id, category_id, status)
   select $1, category, $3 from unnest($2::text[]) as category`,
);

const toDetails = (row: ProductRow): Details => ({
  name: row.name as Title,
  slug: row.slug as Slug,
  description: row.description as Description,
  skus: row.skus as readonly Sku[],
  categoryIds: row.category_ids as readonly CategoryId[],
  attributes: row.attributes,
  images: row.images as readonly ImageUrl[],
});

function toProduct(row: ProductRow): AnyProduct {
  const { status, published_at, archived_at } = row;
  const described = {
    id: row.id as ProductId,
    ...(row.owner_id === null ? {} : { ownerId: row.owner_id as OwnerId }),
    details: toDetails(row),
    createdAt: row.created_at,
    version: row.version as Version,
  };
  if (status === "published" && published_at !== null)
    return { ...described, status, publishedAt: published_at };
  if (status === "archived" && archived_at !== null)
    return { ...described, status, archivedAt: archived_at };
  if (status === "draft" || status === "deleted") return { ...described, status };
  throw new Error(`${row.id} is ${status} since nobody knows when`);
}

const present = (rows: readonly ProductRow[]): readonly PresentProduct[] =>
  rows.flatMap((row) => {
    const found = Product.present(toProduct(row));
    return found.ok ? [found.value] : [];
  });

/** Whether these change which skus a product has. */
const concernSkus = (events: readonly CatalogEvent[]) =>
  events.some(
    ({ type }) =>
      type === "catalog.product-drafted" ||
      type === "catalog.product-edited" ||
      type === "catalog.product-archived" ||
      type === "catalog.product-restored" ||
      type === "catalog.product-deleted",
  );

export const postgresProducts = ({ read, write, append }: Transaction): Products => ({
  async byId(id) {
    const [row] = await read(byId, [id]);
    return row && toProduct(row);
  },
  async bySku(sku) {
    return present(await read(bySku, [sku]))[0];
  },
  async bySlug(slug) {
    return present(await read(bySlug, [slug]))[0];
  },
  async shown(skus) {
    return (await read(shown, [skus])).map(({ sku }) => sku as Sku);
  },
  async taken({ slug, skus }, except) {
    const [row] = await read(taken, [slug, skus, except]);
    const known = { skus: (row?.skus ?? []) as readonly Sku[] };
    return row?.slug == null ? known : { ...known, slug };
  },
  async page({ status = "published", categoryIds, ownerId, after = "", limit }) {
    const place = [status, after, limit];
    if (ownerId !== undefined && categoryIds)
      return present(await read(pages.ofOwnerInCategories, [...place, ownerId, categoryIds]));
    if (ownerId !== undefined) return present(await read(pages.ofOwner, [...place, ownerId]));
    if (categoryIds) return present(await read(pages.inCategories, [...place, categoryIds]));
    return present(await read(pages.all, place));
  },
  async allOf(ownerId) {
    return present(await read(allOf, [ownerId]));
  },
  save: saving<Product, CatalogEvent>(append, idOf, (product, change) => {
    const { id, ownerId, status, details, createdAt, version } = product;
    const { name, slug, description, skus, categoryIds, attributes, images } = details;
    const publishedAt = product.status === "published" ? product.publishedAt : null;
    const archivedAt = product.status === "archived" ? product.archivedAt : null;
    write(upsert, [
      id,
      ownerId ?? null,
      status,
      name,
      slug,
      description,
      skus,
      categoryIds,
      JSON.stringify(attributes),
      images,
      createdAt,
      publishedAt,
      archivedAt,
      version,
    ]);
    if (concernSkus(change.events)) {
      const kept = Product.skusOf(product);
      if (change.state.version > 0) write(removeSkus, [id, kept]);
      write(addSkus, [id, kept]);
    }
    if (change.state.version > 0) write(leaveCategories, [id]);
    if (categoryIds.length > 0 && status !== "deleted")
      write(enterCategories, [id, categoryIds, status]);
  }),
});
