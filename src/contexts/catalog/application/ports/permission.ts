import type { Context } from "#kernel/context.ts";
import type { Result } from "#kernel/result.ts";
import type { Brand } from "#kernel/shape.ts";
import type { OwnerId } from "../../domain/ids.ts";

/** What somebody may do in the catalog: `thing:action`. */
export type Permission = Brand<string, "CatalogPermission">;

const named = <const Names extends Readonly<Record<string, string>>>(names: Names) =>
  names as unknown as { readonly [Name in keyof Names]: Permission };

export const Permission = named({
  createProduct: "products:create",
  readProduct: "products:read",
  updateProduct: "products:update",
  publishProduct: "products:publish",
  archiveProduct: "products:archive",
  deleteProduct: "products:delete",
  changeCategories: "categories:change",
  changePrices: "prices:change",
  receiveStock: "stock:receive",
  adjustStock: "stock:adjust",
  createReservation: "reservations:create",
  readReservation: "reservations:read",
  commitReservation: "reservations:commit",
  releaseReservation: "reservations:release",
  createImport: "imports:create",
  readImport: "imports:read",
  readExport: "exports:read",
});

/** The actor may not do this. */
export type Forbidden = { readonly type: "forbidden"; readonly permission: Permission };

/** Whether the actor has a permission, or is the owner of what it is about. */
export type MayAct = (
  context: Context,
  permission: Permission,
  on?: { readonly owner: OwnerId | undefined },
) => Promise<Result<void, Forbidden>>;
