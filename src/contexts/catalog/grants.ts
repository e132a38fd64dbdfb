import { Permissions } from "./application/permission.ts";
import type { Grants } from "#platform/process/module.ts";

/** The default permissions of roles in the catalog. */
export const grants: Grants = {
  merchant: ["products", "categories", "prices", "stock", "reservations", "imports", "exports"].map(
    (resource) => `${resource}:*`,
  ),
  member: [Permissions.createReservation],
  owner: [
    Permissions.readProduct,
    Permissions.updateProduct,
    Permissions.publishProduct,
    Permissions.archiveProduct,
    Permissions.deleteProduct,
    Permissions.readImport,
    Permissions.readReservation,
    Permissions.commitReservation,
    Permissions.releaseReservation,
  ],
};
