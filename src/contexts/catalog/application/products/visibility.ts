import type { MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import { err, type Result } from "#kernel/result.ts";
import {
  Product,
  productStatuses,
  type PresentProduct,
  type ProductNotFound,
} from "../../domain/product.ts";

/** Hides what is not for everybody from all but their owner and callers with `products:read`. */
export const seenBy =
  (mayAct: MayAct) =>
  async (
    product: Product | undefined,
    context: Context,
  ): Promise<Result<PresentProduct, ProductNotFound>> => {
    const found = Product.present(product);
    if (!found.ok || productStatuses[found.value.status].isShown) return found;
    const { ownerId: owner } = found.value;
    const allowed = await mayAct(context, Permissions.readProduct, { owner });
    return allowed.ok ? found : err({ type: "product-not-found" });
  };
