import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import { pageOf, pageSize, type Page } from "#kernel/page.ts";
import { ok, type Result } from "#kernel/result.ts";
import { oneOf, optional, shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { CategoryId, OwnerId, ProductId } from "../../domain/ids.ts";
import type { PresentProduct } from "../../domain/product.ts";
import type { CatalogScope } from "../ports/scope.ts";

export const ProductPageSize = pageSize({ usual: 20, most: 100 });

/** Lists published products, or with `status` drafts or archived ones; with `ownerId` of one owner. */
export const ListProducts = shape({
  status: optional(oneOf("draft", "published", "archived")),
  categoryId: optional(CategoryId),
  ownerId: optional(OwnerId),
  limit: optional(ProductPageSize),
  cursor: optional(ProductId),
});
export type ListProducts = Infer<typeof ListProducts>;

export type ProductList = Page<PresentProduct, ProductId>;

type Deps = { readonly read: Read<CatalogScope>; readonly mayAct: MayAct };

/** Products in the order of their making. */
export function listProducts({ read, mayAct }: Deps) {
  return async (
    {
      status = "published",
      categoryId,
      ownerId,
      limit = ProductPageSize.usual,
      cursor,
    }: ListProducts,
    context: Context,
  ): Promise<Result<ProductList, Forbidden>> => {
    if (status === "draft") {
      const allowed = await mayAct(context, Permissions.readProduct, { owner: ownerId });
      if (!allowed.ok) return allowed;
    }
    const page = { status, ownerId, after: cursor, limit: limit + 1 };
    const found = await read(context, async ({ products, categories }) => {
      const categoryIds = categoryId && (await categories.within(categoryId));
      return products.page({ ...page, categoryIds });
    });
    return ok(pageOf(found, limit, ({ id }) => id));
  };
}
