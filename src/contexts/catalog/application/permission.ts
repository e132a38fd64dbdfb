import { permissions } from "#kernel/permission.ts";

/** The permissions that the catalog's use cases ask for. */
export const Permissions = permissions({
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
  createManyReservations: "reservations:create-many",
  readReservation: "reservations:read",
  commitReservation: "reservations:commit",
  releaseReservation: "reservations:release",
  createImport: "imports:create",
  readImport: "imports:read",
  readExport: "exports:read",
});
