import type { MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import { err, type Result } from "#kernel/result.ts";
import { Product, type PresentProduct, type ProductNotFound } from "../../domain/product.ts";

/** Hides drafts from all but their owner and callers with `products:read`. */
export const seenBy =
  (mayAct: MayAct) =>
  async (
    product: Product | undefined,
    context: Context,
  ): Promise<Result<PresentProduct, ProductNotFound>> => {
    const found = Product.present(product);
    if (!found.ok || found.value.status !== "draft") return found;
    const { ownerId: owner } = found.value;
    const allowed = await mayAct(context, Permissions.readProduct, { owner });
    return allowed.ok ? found : err({ type: "product-not-found" });
  };
