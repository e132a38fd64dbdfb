import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { list, optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import type { CategoryNotFound } from "../../domain/category.ts";
import {
  Attribute,
  Description,
  ImageUrl,
  maxAttributes,
  maxCategories,
  maxImages,
  maxSkus,
  Slug,
  Title,
  type Details,
} from "../../domain/details.ts";
import { CategoryId, OwnerId, ProductId } from "../../domain/ids.ts";
import { Product, type DraftProduct, type ProductClash } from "../../domain/product.ts";
import { Sku } from "../../domain/sku.ts";
import { Permission } from "../permission.ts";
import type { CatalogScope } from "../ports/scope.ts";
import type { Forbidden, MayAct } from "../ports/permission.ts";

export const optionalDetails = {
  slug: optional(Slug),
  description: optional(Description),
  skus: optional(list(Sku, maxSkus)),
  categoryIds: optional(list(CategoryId, maxCategories)),
  attributes: optional(list(Attribute, maxAttributes)),
  images: optional(list(ImageUrl, maxImages)),
};

/** Without a slug: one that reads like the name. */
export const CreateDraft = shape({ name: Title, ...optionalDetails });
export type CreateDraft = Infer<typeof CreateDraft>;

type Deps = {
  readonly unitOfWork: UnitOfWork<CatalogScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
};
type Outcome = Result<DraftProduct, ProductClash | CategoryNotFound | Forbidden | Conflict>;

/** Adds a product that nobody sees yet but its owner, who is whoever asks. */
export function draftProduct({ unitOfWork, mayAct, clock, newId }: Deps) {
  return async (
    { name, slug, description, ...lists }: CreateDraft,
    context: Context,
  ): Promise<Outcome> => {
    const allowed = await mayAct(context, Permission.createProduct);
    if (!allowed.ok) return allowed;

    return unitOfWork(context, async (scope) => {
      const id = newId(ProductId);
      const details = withoutRepeats({
        name,
        slug: slug ?? Slug.of(name) ?? slugOfId(id),
        description: description ?? ("" as Description),
        ...{ skus: [], categoryIds: [], attributes: [], images: [], ...lists },
      });
      const free = await isFree(scope, details, id);
      if (!free.ok) return free;

      const owner = OwnerId.parse(context.actor);
      const owned = owner.ok ? { ownerId: owner.value } : {};
      return ok(scope.products.save(Product.draft({ id, ...owned, details, at: clock.now() })));
    });
  };
}

/** For names in which no letter can be spelled in a slug. */
const slugOfId = (id: ProductId) => id.replace("_", "-") as Slug;

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
