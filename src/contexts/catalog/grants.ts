import type { Grants } from "#platform/process/module.ts";
import { Permission } from "./application/ports/permission.ts";

/** What roles may do in the catalog, until an administrator decides otherwise. */
export const grants: Grants = {
  merchant: ["products", "categories", "prices", "stock", "reservations", "imports", "exports"].map(
    (resource) => `${resource}:*`,
  ),
  member: [Permission.createReservation],
  owner: [
    ...[Permission.readProduct, Permission.updateProduct, Permission.publishProduct],
    ...[Permission.archiveProduct, Permission.deleteProduct, Permission.readImport],
    ...[Permission.readReservation, Permission.commitReservation, Permission.releaseReservation],
  ],
};
