import { permissions } from "#kernel/permission.ts";

/** The permissions that the use cases of the drive ask for. */
export const Permissions = permissions({
  openSpace: "spaces:create",
  readSpace: "spaces:read",
  shareSpace: "spaces:share",
  readNode: "nodes:read",
  shareNode: "nodes:share",
  changeNode: "nodes:update",
});
