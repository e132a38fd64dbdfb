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
  <P extends Product, E>(
    permission: Permission,
    decide: (product: PresentProduct, at: Instant) => Result<Change<P, CatalogEvent>, E>,
  ) =>
  ({ unitOfWork, mayAct, clock }: Deps) => {
    const seen = seenBy(mayAct);
    return async (
      { productId, expectedVersion }: ProductStep,
      context: Context,
    ): Promise<Result<P, E | Always>> =>
      unitOfWork(context, async ({ products }): Promise<Result<P, E | Always>> => {
        const visible = await seen(await products.byId(productId), context);
        if (!visible.ok) return visible;
        const allowed = await mayAct(context, permission, { owner: visible.value.ownerId });
        if (!allowed.ok) return allowed;
        const found = Product.expected(visible.value, expectedVersion);
        if (!found.ok) return found;

        const decided = decide(found.value, clock.now());
        return decided.ok ? ok(products.save(decided.value)) : decided;
      });
  };

/** Puts a product on sale. */
export const publishProduct = step(Permissions.publishProduct, Product.publish);

/** Takes a product off sale for good; it stays to be seen by its id. */
export const archiveProduct = step(Permissions.archiveProduct, Product.archive);

/** Deletes a draft. */
export const deleteProduct = step(Permissions.deleteProduct, Product.delete);

/** Clears the owner of a deleted user's drafts, in the transaction of the event. */
export async function clearOwner(
  { products }: Pick<CatalogScope, "products">,
  ownerId: OwnerId,
): Promise<void> {
  for (const draft of await products.draftsOf(ownerId)) products.save(Product.clearOwner(draft));
}
