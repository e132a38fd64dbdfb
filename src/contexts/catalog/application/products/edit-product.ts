import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { type PreconditionFailed, Version } from "#kernel/version.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import { ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import type { CategoryNotFound } from "../../domain/category.ts";
import { Title } from "../../domain/details.ts";
import { ProductId } from "../../domain/ids.ts";
import {
  Product,
  type EditableProduct,
  type NotPublishable,
  type ProductClash,
  type ProductIsArchived,
  type ProductNotFound,
} from "../../domain/product.ts";
import { isFree, optionalDetails, withoutRepeats } from "./product-details.ts";
import { seenBy } from "./visibility.ts";
import type { CatalogScope } from "../ports/scope.ts";

export const EditProduct = shape({
  productId: ProductId,
  expectedVersion: Version,
  name: optional(Title),
  ...optionalDetails,
});
export type EditProduct = Infer<typeof EditProduct>;

type Deps = { readonly unitOfWork: UnitOfWork<CatalogScope>; readonly mayAct: MayAct };
type Outcome = Result<
  EditableProduct,
  | ProductNotFound
  | PreconditionFailed
  | ProductIsArchived
  | NotPublishable
  | ProductClash
  | CategoryNotFound
  | Forbidden
  | Conflict
>;

/** Changes the details that are given; lists as a whole. */
export function editProduct({ unitOfWork, mayAct }: Deps) {
  const seen = seenBy(mayAct);
  return async (
    { productId, expectedVersion, ...changes }: EditProduct,
    context: Context,
  ): Promise<Outcome> =>
    unitOfWork(context, async (scope): Promise<Outcome> => {
      const visible = await seen(await scope.products.byId(productId), context);
      if (!visible.ok) return visible;
      const owner = visible.value.ownerId;
      const allowed = await mayAct(context, Permissions.updateProduct, { owner });
      if (!allowed.ok) return allowed;
      const found = Product.expected(visible.value, expectedVersion);
      if (!found.ok) return found;

      const details = withoutRepeats({ ...found.value.details, ...changes });
      const edited = Product.edit(found.value, details);
      if (!edited.ok) return edited;
      const free = await isFree(scope, details, productId);
      return free.ok ? ok(scope.products.save(edited.value)) : free;
    });
}
