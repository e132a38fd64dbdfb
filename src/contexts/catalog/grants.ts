import { ofOwn } from "#kernel/permission.ts";
import { Permissions } from "./application/permission.ts";
import type { Grants } from "#platform/process/module.ts";

/** The default permissions of roles in the catalog. */
export const grants: Grants = {
  merchant: ["products", "categories", "prices", "stock", "reservations", "imports", "exports"].map(
    (resource) => `${resource}:*`,
  ),
  member: [
    Permissions.createReservation,
    ofOwn(Permissions.readReservation),
    ofOwn(Permissions.releaseReservation),
  ],
  /** For the service that takes payments, and may reserve for many: reserving is free, buying is not. */
  checkout: [
    Permissions.createReservation,
    Permissions.createManyReservations,
    Permissions.readReservation,
    Permissions.commitReservation,
    Permissions.releaseReservation,
  ],
};
