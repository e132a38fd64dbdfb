import type { Context } from "#kernel/context.ts";
import { ok, type Result } from "#kernel/result.ts";
import { branded, oneOf, optional, shape, type Brand, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { CategoryId, OwnerId, ProductId } from "../domain/ids.ts";
import type { PresentProduct } from "../domain/product.ts";
import { Permission } from "./permission.ts";
import type { CatalogScope, Forbidden, MayAct } from "./ports.ts";

export const maxPageSize = 100;

/** How many products one page holds at most. */
type PageSize = Brand<number, "PageSize">;
const PageSize = branded<PageSize>("page size", {
  schema: { type: "integer", minimum: 1, maximum: maxPageSize },
});
const defaultPageSize = 20 as PageSize;

/** What is for sale; with `status`, drafts or archived ones, of one owner where said. */
export const ListProducts = shape({
  status: optional(oneOf("draft", "published", "archived")),
  categoryId: optional(CategoryId),
  ownerId: optional(OwnerId),
  limit: optional(PageSize),
  cursor: optional(ProductId),
});
export type ListProducts = Infer<typeof ListProducts>;

export type ProductList = {
  readonly items: readonly PresentProduct[];
  /** Where the next page starts; missing on the last one. */
  readonly nextCursor?: ProductId;
};

type Deps = { readonly read: Read<CatalogScope>; readonly mayAct: MayAct };

/** Products in the order of their making. */
export function listProducts({ read, mayAct }: Deps) {
  return async (
    { status = "published", categoryId, ownerId, limit = defaultPageSize, cursor }: ListProducts,
    context: Context,
  ): Promise<Result<ProductList, Forbidden>> => {
    if (status === "draft") {
      const allowed = await mayAct(context, Permission.readProduct, { owner: ownerId });
      if (!allowed.ok) return allowed;
    }
    const page = { status, categoryId, ownerId, after: cursor, limit: limit + 1 };
    const found = await read(context, ({ products }) => products.page(page));
    const items = found.slice(0, limit);
    const last = items.at(-1);
    return ok(found.length > limit && last ? { items, nextCursor: last.id } : { items });
  };
}
