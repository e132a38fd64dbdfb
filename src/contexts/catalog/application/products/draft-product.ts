import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import { ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import type { CategoryNotFound } from "../../domain/category.ts";
import { Description, Slug, Title } from "../../domain/details.ts";
import { OwnerId, ProductId } from "../../domain/ids.ts";
import { Product, type DraftProduct, type ProductClash } from "../../domain/product.ts";
import type { CatalogScope } from "../ports/scope.ts";
import { isFree, optionalDetails, withoutRepeats } from "./product-details.ts";

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

/** Adds a draft, which its owner alone can see. The actor becomes its owner. */
export function draftProduct({ unitOfWork, mayAct, clock, newId }: Deps) {
  return async (
    { name, slug, description, ...lists }: CreateDraft,
    context: Context,
  ): Promise<Outcome> => {
    const allowed = await mayAct(context, Permissions.createProduct);
    if (!allowed.ok) return allowed;

    return unitOfWork(context, async (scope) => {
      const id = newId(ProductId);
      const details = withoutRepeats({
        name,
        slug: slug ?? Slug.of(name) ?? slugOfId(id),
        description: description ?? ("" as Description),
        skus: [],
        categoryIds: [],
        attributes: [],
        images: [],
        ...lists,
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
