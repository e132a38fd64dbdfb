import { type Forbidden, type MayAct, Permission } from "#kernel/permission.ts";
import { type PreconditionFailed, Version } from "#kernel/version.ts";
import { Permissions } from "../permission.ts";
import type { Change } from "#kernel/change.ts";
import type { Context } from "#kernel/context.ts";
import type { Clock, Instant } from "#kernel/instant.ts";
import { ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import type { CatalogEvent } from "../../domain/events.ts";
import { ProductId, type OwnerId } from "../../domain/ids.ts";
import { Product, type PresentProduct, type ProductNotFound } from "../../domain/product.ts";
import type { Details } from "../../domain/details.ts";
import { isFree } from "./product-details.ts";
import { seenBy } from "./visibility.ts";
import type { CatalogScope } from "../ports/scope.ts";

export const ProductStep = shape({ productId: ProductId, expectedVersion: Version });
export type ProductStep = Infer<typeof ProductStep>;

type Deps = {
  readonly unitOfWork: UnitOfWork<CatalogScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};
type Always = ProductNotFound | PreconditionFailed | Forbidden | Conflict;

/** A step of a product's life, if the actor may take it. */
const step =
  <P extends Product, E, F = never>(
    permission: Permission,
    decide: (product: PresentProduct, at: Instant) => Result<Change<P, CatalogEvent>, E>,
    allows: (
      scope: CatalogScope,
      details: Details,
      id: ProductId,
    ) => Promise<Result<void, F>> = async () => ok(undefined),
  ) =>
  ({ unitOfWork, mayAct, clock }: Deps) => {
    const seen = seenBy(mayAct);
    return async (
      { productId, expectedVersion }: ProductStep,
      context: Context,
    ): Promise<Result<P, E | F | Always>> =>
      unitOfWork(context, async (scope): Promise<Result<P, E | F | Always>> => {
        const { products } = scope;
        const visible = await seen(await products.byId(productId), context);
        if (!visible.ok) return visible;
        const allowed = await mayAct(context, permission, { owner: visible.value.ownerId });
        if (!allowed.ok) return allowed;
        const found = Product.expected(visible.value, expectedVersion);
        if (!found.ok) return found;

        const decided = decide(found.value, clock.now());
        if (!decided.ok) return decided;
        const free = await allows(scope, found.value.details, productId);
        return free.ok ? ok(products.save(decided.value)) : free;
      });
  };

/** Puts a product on sale. */
export const publishProduct = step(Permissions.publishProduct, Product.publish);

/** Takes a product off sale for good; it stays to be seen by its id, and its slug and skus are free. */
export const archiveProduct = step(Permissions.archiveProduct, Product.archive);

/** Takes a product off sale for a while. */
export const unpublishProduct = step(Permissions.publishProduct, Product.unpublish);

/** Makes an archived product a draft again, if no other product has its slug or skus meanwhile. */
export const restoreProduct = step(Permissions.archiveProduct, Product.restore, isFree);

/** Deletes a draft. */
export const deleteProduct = step(Permissions.deleteProduct, Product.delete);

/** Clears the owner of a deleted user's products, in the transaction of the event. */
export async function clearOwner(
  { products }: Pick<CatalogScope, "products">,
  ownerId: OwnerId,
): Promise<void> {
  for (const product of await products.allOf(ownerId)) products.save(Product.clearOwner(product));
}
