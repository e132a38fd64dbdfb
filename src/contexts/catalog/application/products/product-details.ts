import { err, ok, type Result } from "#kernel/result.ts";
import { list, optional } from "#kernel/shape.ts";
import type { CategoryNotFound } from "../../domain/category.ts";
import {
  Attribute,
  Description,
  ImageUrl,
  Slug,
  maxAttributes,
  maxCategories,
  maxImages,
  maxSkus,
  type Details,
} from "../../domain/details.ts";
import { CategoryId, ProductId } from "../../domain/ids.ts";
import type { ProductClash } from "../../domain/product.ts";
import { Sku } from "../../domain/sku.ts";
import type { CatalogScope } from "../ports/scope.ts";

export const optionalDetails = {
  slug: optional(Slug),
  description: optional(Description),
  skus: optional(list(Sku, maxSkus)),
  categoryIds: optional(list(CategoryId, maxCategories)),
  attributes: optional(list(Attribute, maxAttributes)),
  images: optional(list(ImageUrl, maxImages)),
};

export const withoutRepeats = (details: Details): Details => ({
  ...details,
  skus: [...new Set(details.skus)],
  categoryIds: [...new Set(details.categoryIds)],
});

/** Whether a product may have these details beside all others. */
export async function isFree(
  { products, categories }: CatalogScope,
  details: Details,
  id: ProductId,
): Promise<Result<void, ProductClash | CategoryNotFound>> {
  const [{ slug, skus }, ...found] = await Promise.all([
    products.taken(details, id),
    ...details.categoryIds.map((categoryId) => categories.byId(categoryId)),
  ]);
  if (slug !== undefined || skus.length > 0)
    return err({
      type: "product-clash",
      ...(slug === undefined ? {} : { slug }),
      ...(skus.length === 0 ? {} : { skus }),
    });
  const missing = details.categoryIds.find((_, i) => found[i] === undefined);
  return missing === undefined ? ok(undefined) : err({ type: "category-not-found", id: missing });
}
