import type { CatalogEvent } from "../domain/events.ts";
import { saving, idOf } from "#kernel/repository.ts";
import type { Version } from "#kernel/version.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import type { Categories } from "../application/ports/products.ts";
import type { Category } from "../domain/category.ts";
import type { Slug, Title } from "../domain/details.ts";
import type { CategoryId } from "../domain/ids.ts";

type CategoryRow = {
  readonly id: string;
  readonly name: string;
  readonly slug: string;
  readonly parent_id: string | null;
  readonly version: number;
};

const columns = "id, name, slug, parent_id, version";

const byId = statement<CategoryRow>(
  "catalog.category-by-id",
  `select ${columns} from catalog.categories where id = $1`,
);
const bySlug = statement<CategoryRow>(
  "catalog.category-by-slug",
  `select ${columns} from catalog.categories where slug = $1`,
);
const all = statement<CategoryRow>(
  "catalog.categories",
  `select ${columns} from catalog.categories order by slug`,
);
const within = statement<{ readonly id: string }>(
  "catalog.categories-within",
  `with recursive tree as (
     select id from catalog.categories where id = $1
     union
     select c.id from catalog.categories c join tree on c.parent_id = tree.id)
   select id from tree`,
);
const upsert = mutation(
  "catalog.category-upsert",
  "categories",
  `insert into catalog.categories (${columns}) values ($1, $2, $3, $4, $5)
   on conflict (id) do update set name = excluded.name, parent_id = excluded.parent_id,
     version = excluded.version`,
);

const toCategory = ({ id, name, slug, parent_id, version }: CategoryRow): Category => ({
  id: id as CategoryId,
  name: name as Title,
  slug: slug as Slug,
  ...(parent_id === null ? {} : { parentId: parent_id as CategoryId }),
  version: version as Version,
});

export const postgresCategories = ({ read, write, append }: Transaction): Categories => ({
  async byId(id) {
    const [row] = await read(byId, [id]);
    return row && toCategory(row);
  },
  async bySlug(slug) {
    const [row] = await read(bySlug, [slug]);
    return row && toCategory(row);
  },
  async all() {
    return (await read(all, [])).map(toCategory);
  },
  async within(id) {
    return (await read(within, [id])).map((row) => row.id as CategoryId);
  },
  save: saving<Category, CatalogEvent>(append, idOf, ({ id, name, slug, parentId, version }) =>
    write(upsert, [id, name, slug, parentId ?? null, version]),
  ),
});
